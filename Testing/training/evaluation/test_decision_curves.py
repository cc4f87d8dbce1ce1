import dcurves
import numpy as np
import pandas as pd
import pytest

from training.evaluation.decision_curves import THRESHOLDS, decision_curves
from training.evaluation.errors import EvaluationError


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
