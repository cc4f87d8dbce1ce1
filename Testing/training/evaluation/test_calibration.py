import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from training.evaluation.calibration import fit_temperature, reliability_curve
from training.evaluation.errors import EvaluationError
from training.evaluation.metrics import measure


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
    curve = reliability_curve(labels, probabilities)
    gaps = np.abs(curve.accuracy - curve.confidence) * curve.count / curve.count.sum()
    assert gaps.sum() == pytest.approx(measure(labels, probabilities)["ece"])
    assert curve.count.sum() == 200
    assert (np.diff(curve.confidence) > 0).all()
