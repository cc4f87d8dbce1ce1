"""ROC curves with bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .bootstrap import RESAMPLING, Estimate, Resampling
from .checks import check_scores
from .resampling import band, can_resample, patient_weights
from .scores import one_vs_rest_auc

GRID = np.linspace(0, 1, 201)
"""False positive rates at which the band is computed."""


@dataclass(frozen=True)
class RocCurve:
    """Of one class against the rest: the curve's corners, and the band of sensitivity at each rate of `GRID`.

    No band where there are too few patients for one.
    """

    false_positive_rate: np.ndarray
    sensitivity: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    auc: Estimate


def roc_curves(
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
    settings: Resampling = RESAMPLING,
) -> tuple[RocCurve, ...]:
    """One curve a class, from resampled patients: percentiles of sensitivity at a fixed false positive rate.

    labels: (N,). probabilities: (N, K). Raises EvaluationError: bad_scores, class_absent.
    """
    check_scores(labels, probabilities)
    weights = patient_weights(labels, patients, settings.resamples, np.random.default_rng([settings.seed, 0]))
    weights = np.concatenate([np.ones_like(weights[:1]), weights]).astype(float)
    areas = one_vs_rest_auc(labels, probabilities, weights)
    enough = can_resample(labels, patients)
    curves = []
    for index, score in enumerate(probabilities.T):
        false, true = _rates(labels == index, score, weights)
        around = limits = (None, None)
        if enough:
            resampled = [np.interp(GRID, *corners) for corners in zip(false[1:], true[1:], strict=True)]
            around = band(resampled, settings.level)
            limits = map(float, band(areas[1:, index], settings.level))
        curves.append(RocCurve(false[0], true[0], *around, Estimate(float(areas[0, index]), *limits)))
    return tuple(curves)


def _rates(own: np.ndarray, score: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates of falling thresholds: (S, T) each, from (0, 0) to (1, 1)."""
    thresholds = np.concatenate([[np.inf], np.unique(score)[::-1]])
    reached = (score[:, None] >= thresholds).astype(float)
    false = weights[:, ~own] @ reached[~own] / weights[:, ~own].sum(1, keepdims=True)
    return false, weights[:, own] @ reached[own] / weights[:, own].sum(1, keepdims=True)
