"""Metrics of probabilities, for one or for many resamples at once.

labels: (N,). probabilities: (N, K). weights: (..., N), how often each case counts. Each returns (...).
"""

import numpy as np

BINS = 15
"""Of confidence, for the calibration error: torchmetrics' default."""
LEAST_PROBABILITY = np.finfo(float).eps
"""A probability of 0 for the true class would make the mean NLL infinite; scikit-learn clips at the same value."""


def one_vs_rest_auc(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under each class's ROC curve against the rest, ties counted half (Mann-Whitney). Returns (..., K)."""
    areas = []
    for index, score in enumerate(probabilities.T):
        own = labels == index
        difference = score[own][:, None] - score[~own]
        wins = (difference > 0) + 0.5 * (difference == 0)
        of_own, of_rest = weights[..., own], weights[..., ~own]
        areas.append(((of_own @ wins) * of_rest).sum(-1) / (of_own.sum(-1) * of_rest.sum(-1)))
    return np.stack(areas, -1)


def auc(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Macro: the plain mean over classes."""
    return one_vs_rest_auc(labels, probabilities, weights).mean(-1)


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """ECE: mean |accuracy − confidence| over bins of confidence, weighted by their cases (torchmetrics' l1 norm)."""
    confidence, correct = top_label(labels, probabilities)
    gap = (correct - confidence)[:, None] * np.eye(BINS + 1)[confidence_bins(confidence)]
    return np.abs(weights @ gap).sum(-1) / weights.sum(-1)


def brier(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Squared distance from the one-hot label, summed over classes: 0 to 2 (Brier 1950)."""
    onehot = np.eye(probabilities.shape[1])[labels]
    return weights @ ((probabilities - onehot) ** 2).sum(1) / weights.sum(-1)


def negative_log_likelihood(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Nats a case."""
    likelihood = probabilities[np.arange(len(labels)), labels]
    return weights @ -np.log(np.maximum(likelihood, LEAST_PROBABILITY)) / weights.sum(-1)


def top_label(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The confidence in each decision, and whether it is right, as 0 or 1: (N,) and (N,)."""
    return probabilities.max(1), (probabilities.argmax(1) == labels).astype(float)


def confidence_bins(confidence: np.ndarray) -> np.ndarray:
    """Which of `BINS` equal bins, closed below; a confidence of exactly 1 has bin number `BINS` to itself.

    The last is how torchmetrics does it.
    """
    return np.searchsorted(np.linspace(0, 1, BINS + 1), confidence, side="right").clip(1, BINS + 1) - 1
