"""What labels and probabilities have to be before anything is computed from them."""

import numpy as np

from ..cohorts.grades import GRADES
from .errors import EvaluationError

SUM_TOLERANCE = 1e-4
"""Of a row of probabilities around 1: a softmax in float32 is well within."""


def check_scores(labels: np.ndarray, probabilities: np.ndarray) -> None:
    """labels: (N,) integers in [0, K). probabilities: (N, K), rows that sum to 1.

    Raises EvaluationError bad_scores; class_absent where a class has no case: macro metrics are undefined then.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise _bad(f"{labels.shape} labels do not fit probabilities of shape {probabilities.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise _bad(f"labels are {labels.dtype}, not integers")
    classes = probabilities.shape[1]
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise _bad(f"labels lie in [{labels.min()}, {labels.max()}], classes in [0, {classes - 1}]")
    if not np.isfinite(probabilities).all():
        raise _bad(f"row {np.argmin(np.isfinite(probabilities).all(1))} of the probabilities is not finite")
    off = (probabilities < 0).any(1) | (np.abs(probabilities.sum(1) - 1) > SUM_TOLERANCE)
    if off.any():
        raise _bad(f"row {np.argmax(off)} of the probabilities does not sum to 1 or is negative; are these logits")
    check_classes(labels, classes)


def check_classes(labels: np.ndarray, classes: int) -> None:
    """Raises EvaluationError class_absent, which names the classes without a case."""
    if absent := absent_classes(labels, classes):
        raise EvaluationError(
            "class_absent",
            f"No case among {len(labels)} has: {', '.join(absent)}.",
            "A macro metric needs every class; pool folds, or evaluate more cases.",
        )


def absent_classes(labels: np.ndarray, classes: int = len(GRADES)) -> tuple[str, ...]:
    """Names of the classes without a case. labels: (N,)."""
    return tuple(class_name(int(index), classes) for index in np.setdiff1d(np.arange(classes), labels))


def class_name(index: int, classes: int = len(GRADES)) -> str:
    """The grade's name where there are as many classes as grades."""
    return GRADES[index] if classes == len(GRADES) else f"class {index}"


def _bad(what: str) -> EvaluationError:
    return EvaluationError(
        "bad_scores", f"These predictions cannot be evaluated: {what}.", "Check where they are from."
    )
