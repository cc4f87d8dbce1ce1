"""The metrics of method.md, section 8, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import confusion, scores
from .checks import check_scores

BLOCK = 512
"""Resamples computed at a time: bounds the memory of 10,000 of them."""


@dataclass(frozen=True)
class Scored:
    """Predictions of N cases, and how often each counts: labels (N,), probabilities (N, K), weights (..., N).

    networks: (N,), by which network; None where one made all.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    weights: np.ndarray
    networks: np.ndarray | None = None

    @cached_property
    def matrix(self) -> np.ndarray:
        """Confusion of the most probable class, the lower one of equals: (..., K, K)."""
        decisions = self.probabilities.argmax(1)
        return confusion.confusion_matrix(self.labels, decisions, self.weights, self.probabilities.shape[1])


@dataclass(frozen=True)
class Metric:
    """title: for a table's head. percent: whether people read it times 100. higher_is_better: its direction.

    inflated: resamples of the cases overestimate it, by far more than cases do. of_order: nothing but the order of a
    network's scores matters.
    """

    title: str
    description: str
    of: Callable[[Scored], np.ndarray]
    percent: bool = True
    higher_is_better: bool = True
    inflated: bool = False
    of_order: bool = False


def _decided(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[Scored], np.ndarray]:
    return lambda scored: function(scored.matrix)


def _probable(function: Callable[..., np.ndarray]) -> Callable[[Scored], np.ndarray]:
    return lambda scored: function(scored.labels, scored.probabilities, scored.weights)


METRICS: dict[str, Metric] = {
    "accuracy_ovr": Metric(
        "Acc (OvR)",
        "accuracy of each grade against the rest, mean over grades: the paper's eq. 19; 2/3 wrong still gives 56 %",
        _decided(confusion.one_vs_rest_accuracy),
    ),
    "accuracy": Metric("Acc", "share of cases graded right", _decided(confusion.accuracy)),
    "balanced_accuracy": Metric(
        "Bal. acc", "share graded right, mean over grades; equals the macro recall", _decided(confusion.recall)
    ),
    "precision": Metric(
        "Prec",
        "macro precision: right among those given a grade; 0 for a grade never given",
        _decided(confusion.precision),
    ),
    "recall": Metric("Rec", "macro recall: right among those who have a grade", _decided(confusion.recall)),
    "f1": Metric("F1", "harmonic mean of precision and recall, mean over grades", _decided(confusion.f1)),
    "auc": Metric(
        "AUC",
        "area under the ROC curve of each grade against the rest, mean over grades; over pairs of cases that one "
        "network scored",
        lambda scored: scores.auc(scored.labels, scored.probabilities, scored.weights, scored.networks),
        of_order=True,
    ),
    "kappa": Metric(
        "κ", "quadratic weighted kappa: agreement beyond chance", _decided(confusion.quadratic_kappa), percent=False
    ),
    "ece": Metric(
        "ECE",
        f"expected calibration error of the chosen grade, {scores.BINS} equal bins, l1, as torchmetrics defines it",
        _probable(scores.calibration_error),
        percent=False,
        higher_is_better=False,
        inflated=True,
    ),
    "brier": Metric(
        "Brier",
        "squared error of the probabilities, summed over grades: 0 to 2",
        _probable(scores.brier),
        percent=False,
        higher_is_better=False,
    ),
    "nll": Metric(
        "NLL",
        "negative log-likelihood, nats a case",
        _probable(scores.negative_log_likelihood),
        percent=False,
        higher_is_better=False,
    ),
}
"""In the order of tables."""


def measure(
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str] = tuple(METRICS),
    networks: np.ndarray | None = None,
) -> dict[str, float]:
    """Each metric of N cases. labels: (N,). probabilities: (N, K), rows sum to 1.

    networks: (N,), which made each prediction; one made all, if None. Raises EvaluationError: bad_scores, class_absent.
    """
    found = measure_resamples(labels, probabilities, np.ones((1, len(labels))), names, networks)
    return {name: float(values[0]) for name, values in found.items()}


def measure_resamples(
    labels: np.ndarray,
    probabilities: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str] = tuple(METRICS),
    networks: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Each metric of S resamples, each metric (S,). weights: (S, N), how often each case is in each resample.

    A resample must hold every class. Raises EvaluationError: bad_scores, class_absent (of the cases as a whole).
    """
    check_scores(labels, probabilities)
    return measure_blocks(labels, probabilities, weights, names, networks)


def measure_blocks(
    labels: np.ndarray,
    scores: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str],
    networks: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """As `measure_resamples`, without a check of the scores: those of a metric `of_order` need be no probabilities."""
    blocks = [
        Scored(labels, scores, weights[start : start + BLOCK].astype(float), networks)
        for start in range(0, len(weights), BLOCK)
    ]
    return {name: np.concatenate([METRICS[name].of(block) for block in blocks]) for name in names}
