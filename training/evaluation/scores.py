"""Metrics of probabilities, for one or for many resamples at once.

labels: (N,). probabilities: (N, K). weights: (..., N), how often each case counts. Each returns (...).
"""

import numpy as np
from scipy.stats import rankdata

BINS = 15
"""Of confidence, for the calibration error: torchmetrics' default."""
LEAST_PROBABILITY = np.finfo(float).eps
"""A probability of 0 for the true class would make the mean NLL infinite; scikit-learn clips at the same value."""


def one_vs_rest_auc(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, networks: np.ndarray | None = None
) -> np.ndarray:
    """Area under each class's ROC curve against the rest, ties counted half (Mann-Whitney). Returns (..., K).

    networks: (N,), whose scores they are: two cases are only compared where one network scored both, since the scores
    of two networks have no common scale. One for all, if None.
    """
    networks = np.zeros(len(labels)) if networks is None else networks
    areas = []
    for index, score in enumerate(probabilities.T):
        wins = pairs = 0
        for network in np.unique(networks):
            cases = np.flatnonzero(networks == network)
            cases = cases[np.argsort(score[cases])]
            own, ordered, counts = labels[cases] == index, score[cases], weights[..., cases]
            # What of the rest scores lower than each place in the order: as quick as a sum, whatever the resamples.
            lower = np.cumsum(np.where(own, 0, counts), axis=-1)
            lower = np.concatenate([np.zeros_like(lower[..., :1]), lower], axis=-1)
            first, after_last = (np.searchsorted(ordered, ordered[own], side) for side in ("left", "right"))
            of_own = counts[..., own]
            wins = wins + (of_own * (lower[..., first] + lower[..., after_last]) / 2).sum(-1)
            pairs = pairs + of_own.sum(-1) * lower[..., -1]
        areas.append(wins / pairs)
    return np.stack(areas, -1)


def auc(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, networks: np.ndarray | None = None
) -> np.ndarray:
    """Macro: the plain mean over classes."""
    return one_vs_rest_auc(labels, probabilities, weights, networks).mean(-1)


def ranks(scores: np.ndarray, networks: np.ndarray | None = None) -> np.ndarray:
    """Of each score among those of its class by the same network, equals sharing theirs: (..., N, K), 0 to 1.

    scores: (..., N, K). All that an AUC depends on, and of one scale whatever the network.
    """
    networks = np.zeros(scores.shape[-2]) if networks is None else networks
    found = np.empty_like(scores, dtype=float)
    for network in np.unique(networks):
        of = networks == network
        found[..., of, :] = rankdata(scores[..., of, :], axis=-2) / of.sum()
    return found


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
