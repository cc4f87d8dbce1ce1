"""Metrics of decisions: functions of the confusion matrix, for one or for many resamples at once.

Every function takes matrices (..., K, K), true class by predicted class, and returns (...). Classes that nobody has
must have been refused before. A class that is never predicted has precision 0, as in scikit-learn by default.
"""

import numpy as np


def confusion_matrix(labels: np.ndarray, decisions: np.ndarray, weights: np.ndarray, classes: int) -> np.ndarray:
    """labels, decisions: (N,). weights: (..., N), how often each case counts. Returns (..., K, K)."""
    cells = np.eye(classes * classes)[labels * classes + decisions]
    return (weights @ cells).reshape(*weights.shape[:-1], classes, classes)


def accuracy(matrix: np.ndarray) -> np.ndarray:
    return _hits(matrix).sum(-1) / matrix.sum((-2, -1))


def one_vs_rest_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Mean over classes of (TP + TN) / N (the paper's eq. 19): 1 − 2 (1 − accuracy) / K, so it flatters."""
    total = matrix.sum((-2, -1))[..., None]
    wrong = matrix.sum(-1) + matrix.sum(-2) - 2 * _hits(matrix)
    return (1 - wrong / total).mean(-1)


def recall(matrix: np.ndarray) -> np.ndarray:
    """Macro. It is also the balanced accuracy."""
    return (_hits(matrix) / matrix.sum(-1)).mean(-1)


def precision(matrix: np.ndarray) -> np.ndarray:
    """Macro."""
    return (_hits(matrix) / np.maximum(matrix.sum(-2), 1)).mean(-1)


def f1(matrix: np.ndarray) -> np.ndarray:
    """Macro: the mean of the classes' F1, not the F1 of the means."""
    return (2 * _hits(matrix) / (matrix.sum(-1) + matrix.sum(-2))).mean(-1)


def quadratic_kappa(matrix: np.ndarray) -> np.ndarray:
    """Cohen's kappa with disagreements weighted by the squared distance of the grades."""
    classes = np.arange(matrix.shape[-1])
    distance = (classes[:, None] - classes) ** 2
    total = matrix.sum((-2, -1))
    expected = matrix.sum(-1)[..., :, None] * matrix.sum(-2)[..., None, :] / total[..., None, None]
    return 1 - (distance * matrix).sum((-2, -1)) / (distance * expected).sum((-2, -1))


def _hits(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)
