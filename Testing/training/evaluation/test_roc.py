import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from training.evaluation.bootstrap import Resampling
from training.evaluation.roc import GRID, roc_curves

QUICK = Resampling(resamples=200)


def patients_of(labels) -> list[str]:
    return [f"p{index}" for index in range(len(labels))]


def test_each_curve_is_that_of_scikit_learn(scores):
    labels, probabilities = scores(0, cases=80)
    probabilities = np.round(probabilities, 1) + 1e-3  # ties
    probabilities /= probabilities.sum(1, keepdims=True)
    for index, curve in enumerate(roc_curves(labels, probabilities, patients_of(labels), QUICK)):
        own, score = labels == index, probabilities[:, index]
        false, true, _ = roc_curve(own, score, drop_intermediate=False)
        np.testing.assert_allclose(curve.false_positive_rate, false)
        np.testing.assert_allclose(curve.sensitivity, true)
        assert curve.auc.value == pytest.approx(roc_auc_score(own, score))
        assert auc(curve.false_positive_rate, curve.sensitivity) == pytest.approx(curve.auc.value)


def test_the_band_lies_around_the_curve_and_narrows_with_more_patients(scores):
    widths = []
    for cases in (60, 600):
        labels, probabilities = scores(1, cases=cases)
        curve = roc_curves(labels, probabilities, patients_of(labels), QUICK)[0]
        inside = np.interp(GRID, curve.false_positive_rate, curve.sensitivity)
        assert (curve.low <= inside + 1e-9).mean() > 0.98
        assert (curve.high >= inside - 1e-9).mean() > 0.98
        assert curve.auc.low < curve.auc.value < curve.auc.high
        widths.append((curve.high - curve.low).mean())
    assert widths[1] < widths[0] / 2


def test_a_grade_of_one_patient_has_a_curve_without_a_band():
    labels = np.array([0] * 6 + [1] * 6 + [2])
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], size=13)
    for index, curve in enumerate(roc_curves(labels, probabilities, patients_of(labels), QUICK)):
        assert curve.auc.value == pytest.approx(roc_auc_score(labels == index, probabilities[:, index]))
        assert curve.low is curve.high is curve.auc.low is None
