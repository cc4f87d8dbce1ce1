import dcurves
import numpy as np
import pandas as pd
import pytest

from training.evaluation.bootstrap import Resampling
from training.evaluation.decision_curves import THRESHOLDS, decision_curves, net_benefit
from training.evaluation.errors import EvaluationError

QUICK = Resampling(resamples=200)


def patients_of(labels) -> list[str]:
    return [f"p{index:03}" for index in range(len(labels))]


@pytest.mark.parametrize("seed", range(3))
def test_every_curve_is_that_of_dcurves(scores, seed):
    labels, probabilities = scores(seed, cases=70)
    outcomes = {f"grade{k}": (labels == k, probabilities[:, k]) for k in range(3)}
    outcomes |= {f"at_least{k}": (labels >= k, probabilities[:, k:].sum(1)) for k in (1, 2)}
    curves = decision_curves(labels, probabilities)
    assert {*curves} == {*outcomes, "macro"}
    for name, (outcome, risk) in outcomes.items():
        frame = pd.DataFrame({"outcome": outcome, "risk": risk})
        expected = dcurves.dca(data=frame, outcome="outcome", modelnames=["risk"], thresholds=list(THRESHOLDS))
        for model, values in (("risk", curves[name].model), ("all", curves[name].treat_all)):
            benefit = expected[expected["model"] == model].sort_values("threshold")["net_benefit"]
            np.testing.assert_allclose(values, benefit, atol=1e-12)


def test_the_macro_curve_is_the_mean_over_grades(scores):
    curves = decision_curves(*scores(4))
    for part in ("model", "treat_all"):
        mean = np.mean([getattr(curves[f"grade{k}"], part) for k in range(3)], axis=0)
        np.testing.assert_allclose(getattr(curves["macro"], part), mean)


def test_a_perfect_model_gains_the_prevalence_at_every_threshold():
    labels = np.array([0, 0, 1, 2])
    curve = decision_curves(labels, np.eye(3)[labels])["grade0"]
    np.testing.assert_allclose(curve.model, 0.5)


def test_an_absent_grade_has_no_curve():
    with pytest.raises(EvaluationError, match="Moderately"):
        decision_curves(np.array([0, 2]), np.full((2, 3), 1 / 3))


def test_a_resample_has_the_net_benefit_of_its_cases(scores):
    labels, probabilities = scores(5, cases=30)
    weights = np.random.default_rng(0).multinomial(30, np.full(30, 1 / 30), size=4)
    outcome, risk = labels == 1, probabilities[:, 1]
    found = net_benefit(outcome, risk, THRESHOLDS, weights)
    for of_resample, times in zip(found, weights, strict=True):
        cases = np.repeat(np.arange(30), times)
        (expected,) = net_benefit(outcome[cases], risk[cases], THRESHOLDS, np.ones((1, 30)))
        np.testing.assert_allclose(of_resample, expected, atol=1e-12)


def test_a_band_lies_around_its_curve_and_narrows_with_more_patients(scores):
    widths = []
    for cases in (60, 600):
        labels, probabilities = scores(6, cases=cases)
        plain = decision_curves(labels, probabilities)
        widths.append({})
        for key, curve in decision_curves(labels, probabilities, patients=patients_of(labels), settings=QUICK).items():
            np.testing.assert_allclose(curve.model, plain[key].model, atol=1e-12)
            assert (curve.low <= curve.model + 1e-9).mean() > 0.95
            assert (curve.high >= curve.model - 1e-9).mean() > 0.95
            widths[-1][key] = (curve.high - curve.low)[:50].mean()
    assert all(widths[1][key] < widths[0][key] / 2 for key in widths[0])


def test_without_patients_or_with_few_there_is_no_band(scores):
    labels, probabilities = scores(7, cases=5)
    for curves in (decision_curves(labels, probabilities, patients=patients_of(labels)), decision_curves(*scores(7))):
        assert all(curve.low is curve.high is None for curve in curves.values())
