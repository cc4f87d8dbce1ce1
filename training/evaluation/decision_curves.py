"""Net benefit of acting on a prediction (Vickers and Elkin 2006)."""

from dataclasses import dataclass

import numpy as np

from .checks import check_scores, class_name

THRESHOLDS = np.linspace(0.01, 0.99, 99)
MACRO = "macro"


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit by threshold, (T,) each, of deciding by the model and of treating all. Treating none has 0."""

    name: str
    thresholds: np.ndarray
    model: np.ndarray
    treat_all: np.ndarray


def decision_curves(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> dict[str, DecisionCurve]:
    """By name: `grade0`... each grade against the rest, their mean `macro`, and `at_least1`... each ordinal cut.

    labels: (N,). probabilities: (N, K). thresholds: (T,), within (0, 1). The last cut is the last grade against the
    rest, and is there under both names. Raises EvaluationError: bad_scores, class_absent.
    """
    check_scores(labels, probabilities)
    classes = probabilities.shape[1]
    names = [class_name(k, classes) for k in range(classes)]
    grades = {f"grade{k}": _curve(names[k], labels == k, probabilities[:, k], thresholds) for k in range(classes)}
    cuts = {
        f"at_least{k}": _curve(f"{names[k]} or worse", labels >= k, probabilities[:, k:].sum(1), thresholds)
        for k in range(1, classes)
    }
    return {**grades, MACRO: _mean(list(grades.values())), **cuts}


def net_benefit(outcome: np.ndarray, risk: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """NB(t) = TP/n − FP/n · t/(1−t), of acting where the risk reaches t: (T,). outcome: (N,) bool. risk: (N,)."""
    acted = risk >= thresholds[:, None]
    true, false = (acted & outcome).mean(1), (acted & ~outcome).mean(1)
    return true - false * thresholds / (1 - thresholds)


def _curve(name: str, outcome: np.ndarray, risk: np.ndarray, thresholds: np.ndarray) -> DecisionCurve:
    everyone = np.ones(len(outcome))
    return DecisionCurve(
        name, thresholds, net_benefit(outcome, risk, thresholds), net_benefit(outcome, everyone, thresholds)
    )


def _mean(curves: list[DecisionCurve]) -> DecisionCurve:
    return DecisionCurve(
        "mean over grades",
        curves[0].thresholds,
        np.mean([curve.model for curve in curves], axis=0),
        np.mean([curve.treat_all for curve in curves], axis=0),
    )
