"""Whether probabilities mean what they say, and the one number that mends them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ..data.draw_settings import NATIVE
from .bootstrap import RESAMPLING, TIE, Resampling
from .checks import check_classes, check_scores
from .entries import VALIDATION
from .errors import EvaluationError
from .predictions import Predictions
from .resampling import band, can_resample, patient_weights
from .scores import BINS, confidence_bins, top_label

TEMPERATURES = (0.05, 20.0)
"""Between which it is looked for: predictions without a mistake would drive it to 0, useless ones to infinity."""


@dataclass(frozen=True)
class ReliabilityCurve:
    """By bin of confidence that holds a case: mean confidence, share of right decisions, cases; (bins,) each.

    low, high: of the share, NaN where every resample gives the same, such as where all decisions are right; None where
    there are too few patients for any.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The temperature that logits are divided by for the lowest NLL (Guo 2017).

    labels: (N,). logits: (N, K), of cases the network was not trained on and that no metric is reported for. The NLL
    is convex in 1 / T, so there is one minimum. Raises EvaluationError: bad_scores, class_absent.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not np.isfinite(logits).all():
        raise EvaluationError(
            "bad_scores",
            f"A temperature needs finite logits (N, K), one row a label; these are {logits.shape} for {labels.shape}.",
            "Check where the predictions are from.",
        )
    check_classes(labels, logits.shape[1])
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean()

    return float(np.exp(minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded").x))


def validation_temperature(members: Sequence[Predictions]) -> float:
    """Of one model: fitted on its members' validation cases at native dose, with every input that has a CT.

    members: all that each network predicted. Raises EvaluationError: class_absent where they lack a grade.
    """
    parts = [part.select(split=VALIDATION, dose=NATIVE) for part in members]
    with_ct = [np.array(["ct" in inputs.split("+") for inputs in part.inputs], dtype=bool) for part in parts]
    labels = np.concatenate([part.labels[rows] for part, rows in zip(parts, with_ct, strict=True)])
    logits = np.concatenate([part.logits[rows] for part, rows in zip(parts, with_ct, strict=True)])
    return fit_temperature(labels, logits)


def reliability_curve(
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
    settings: Resampling = RESAMPLING,
) -> ReliabilityCurve:
    """In the bins of the ECE: their gaps, weighted by `count`, add up to it. Limits are of resampled patients.

    labels: (N,). probabilities: (N, K). Raises EvaluationError: bad_scores, class_absent.
    """
    check_scores(labels, probabilities)
    confidence, correct = top_label(labels, probabilities)
    in_bin = np.eye(BINS + 1)[confidence_bins(confidence)]
    in_bin = in_bin[:, in_bin.any(0)]
    count = in_bin.sum(0)
    limits = (None, None)
    if can_resample(labels, patients):
        weights = patient_weights(labels, patients, settings.resamples, np.random.default_rng([settings.seed, 0]))
        with np.errstate(invalid="ignore"):  # a bin without a case in some resample
            limits = band((weights * correct) @ in_bin / (weights @ in_bin), settings.level)
        limits[:, np.ptp(limits, axis=0) < TIE] = np.nan
    return ReliabilityCurve(confidence @ in_bin / count, correct @ in_bin / count, count.astype(int), *limits)
