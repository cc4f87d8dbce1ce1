"""Net benefit of acting on a prediction (Vickers and Elkin 2006)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .bootstrap import RESAMPLING, Resampling
from .checks import check_scores, class_name
from .resampling import band, can_resample, patient_weights

THRESHOLDS = np.linspace(0.01, 0.99, 99)
MACRO = "macro"


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit by threshold, (T,) each, of deciding by the model and of treating all. Treating none has 0.

    low, high: of the model; None where it was not asked for, or there are too few patients for one.
    """

    name: str
    thresholds: np.ndarray
    model: np.ndarray
    treat_all: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def decision_curves(
    labels: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray = THRESHOLDS,
    *,
    patients: Sequence[str] | None = None,
    settings: Resampling = RESAMPLING,
) -> dict[str, DecisionCurve]:
    """By name: `grade0`... each grade against the rest, their mean `macro`, and `at_least1`... each ordinal cut.

    labels: (N,). probabilities: (N, K). thresholds: (T,), within (0, 1). patients: that are resampled for bands, if
    given. The last cut is the last grade against the rest, and is there under both names. Raises EvaluationError:
    bad_scores, class_absent.
    """
    check_scores(labels, probabilities)
    weights = np.ones((1, len(labels)))
    if patients is not None and can_resample(labels, patients):
        drawn = patient_weights(labels, patients, settings.resamples, np.random.default_rng([settings.seed, 0]))
        weights = np.concatenate([weights, drawn])

    def both(outcome: np.ndarray, risk: np.ndarray) -> np.ndarray:
        """Of the model, and of treating all: (2, S, T)."""
        return np.stack([net_benefit(outcome, of, thresholds, weights) for of in (risk, np.ones(len(outcome)))])

    classes = probabilities.shape[1]
    names = [class_name(k, classes) for k in range(classes)]
    grades = [both(labels == k, probabilities[:, k]) for k in range(classes)]
    cuts = {k: both(labels >= k, probabilities[:, k:].sum(1)) for k in range(1, classes)}
    found = {f"grade{k}": (names[k], of) for k, of in enumerate(grades)}
    found |= {MACRO: ("Mean over grades", np.mean(grades, axis=0))}
    found |= {f"at_least{k}": (f"{names[k]} or worse", of) for k, of in cuts.items()}
    return {key: _curve(name, thresholds, *of, settings.level) for key, (name, of) in found.items()}


def net_benefit(outcome: np.ndarray, risk: np.ndarray, thresholds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """NB(t) = TP/n − FP/n · t/(1−t), of acting where the risk reaches t: (S, T).

    outcome: (N,) bool. risk: (N,). weights: (S, N), how often each case is in each resample.
    """
    acted = (risk >= thresholds[:, None]).T
    true, false = (weights @ (acted & cases[:, None]) for cases in (outcome, ~outcome))
    return (true - false * thresholds / (1 - thresholds)) / weights.sum(1, keepdims=True)


def _curve(name: str, thresholds: np.ndarray, model: np.ndarray, treat_all: np.ndarray, level: float) -> DecisionCurve:
    """model, treat_all: (S, T), first of the cases as they are, then of resamples, if there are any."""
    limits = band(model[1:], level) if len(model) > 1 else (None, None)
    return DecisionCurve(name, thresholds, model[0], treat_all[0], *limits)
