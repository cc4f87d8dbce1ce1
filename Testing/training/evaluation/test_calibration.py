import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from training.evaluation.bootstrap import Resampling
from training.evaluation.calibration import fit_temperature, reliability_curve
from training.evaluation.errors import EvaluationError
from training.evaluation.metrics import measure

QUICK = Resampling(resamples=200)


def patients_of(labels) -> list[str]:
    return [f"p{index:03}" for index in range(len(labels))]


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_with_is_found(temperature):
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2, size=(20_000, 3))
    labels = np.array([generator.choice(3, p=p) for p in softmax(logits / temperature, axis=1)])
    assert fit_temperature(labels, logits) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize(("scale", "skill"), [(3, 2.0), (0.1, 0.2), (3, 0.0)])
def test_no_temperature_of_a_fine_grid_is_better(scale, skill):
    """Over-confident, under-confident, and knowing nothing."""
    generator = np.random.default_rng(1)
    labels = np.arange(80) % 3
    logits = generator.normal(scale=scale, size=(80, 3)) + skill * np.eye(3)[labels]
    found = fit_temperature(labels, logits)

    def loss(temperature: float) -> float:
        return -log_softmax(logits / temperature, axis=1)[np.arange(80), labels].mean()

    assert loss(found) <= min(map(loss, np.geomspace(0.05, 20, 2000))) + 1e-6


def test_the_temperature_keeps_the_order_and_lowers_the_nll():
    generator = np.random.default_rng(2)
    labels, logits = np.arange(60) % 3, generator.normal(scale=6, size=(60, 3))
    before = measure(labels, softmax(logits, axis=1))
    after = measure(labels, softmax(logits / fit_temperature(labels, logits), axis=1))
    assert after["accuracy"] == before["accuracy"]
    assert after["nll"] < before["nll"]


def test_a_network_that_is_never_wrong_gets_a_temperature_all_the_same():
    labels = np.arange(9) % 3
    logits = 5.0 * np.eye(3)[labels]
    found = fit_temperature(labels, logits)
    assert 0.05 <= found < 0.2
    assert measure(labels, softmax(logits / found, axis=1))["nll"] < 1e-9


def test_logits_that_are_not_finite_have_no_temperature():
    with pytest.raises(EvaluationError, match="finite logits"):
        fit_temperature(np.arange(3), np.full((3, 3), np.nan))


def test_the_gaps_of_the_reliability_curve_add_up_to_the_ece(scores):
    labels, probabilities = scores(0, cases=200)
    curve = reliability_curve(labels, probabilities, patients_of(labels), QUICK)
    gaps = np.abs(curve.accuracy - curve.confidence) * curve.count / curve.count.sum()
    assert gaps.sum() == pytest.approx(measure(labels, probabilities)["ece"])
    assert curve.count.sum() == 200
    assert (np.diff(curve.confidence) > 0).all()


def test_the_limits_of_a_bin_lie_around_its_share_and_are_closer_with_more_patients(scores):
    widths = []
    for cases in (90, 900):
        labels, probabilities = scores(1, cases=cases, skill=1.5)
        curve = reliability_curve(labels, probabilities, patients_of(labels), QUICK)
        drawn = np.isfinite(curve.low)
        assert drawn.sum() > 5
        assert (curve.low < curve.accuracy)[drawn].all()
        assert (curve.accuracy < curve.high)[drawn].all()
        widths.append(np.nanmean(curve.high - curve.low))
    assert widths[1] < widths[0] / 2


def test_four_scans_of_a_patient_that_are_graded_alike_count_as_one(scores):
    labels, probabilities = scores(2, cases=90)
    once = reliability_curve(labels, probabilities, patients_of(labels), QUICK)
    scans = reliability_curve(
        labels.repeat(4), probabilities.repeat(4, axis=0), np.repeat(patients_of(labels), 4), QUICK
    )
    np.testing.assert_allclose(scans.low, once.low)
    np.testing.assert_allclose(scans.high, once.high)


def test_a_bin_that_is_always_right_has_no_limits():
    """All are sure; in the lower bin all are right, in the upper one in three is wrong."""
    labels = np.arange(60) % 3
    said = np.where(np.arange(60) < 30, labels, np.arange(60) // 3 % 3)
    confidence = np.where(np.arange(60) < 30, 0.7, 0.9)[:, None]
    probabilities = np.where(np.eye(3)[said] > 0, confidence, (1 - confidence) / 2)
    curve = reliability_curve(labels, probabilities, patients_of(labels), QUICK)
    assert curve.accuracy[0] == 1
    np.testing.assert_array_equal(np.isnan(curve.low), [True, False])
    np.testing.assert_array_equal(np.isnan(curve.high), [True, False])


def test_few_patients_have_a_reliability_without_limits():
    labels = np.array([0, 1, 2, 0, 1])
    curve = reliability_curve(labels, np.full((5, 3), 0.2) + 0.4 * np.eye(3)[labels], patients_of(labels), QUICK)
    assert curve.low is curve.high is None
