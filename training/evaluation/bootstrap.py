"""Intervals of metrics, and paired differences with p-values (method.md, section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

from .metrics import METRICS, measure_resamples
from .resampling import patient_swaps, patient_weights

TIE = 1e-12
"""Differences this close are equal: decisions give the same value again and again, up to rounding."""


@dataclass(frozen=True)
class Resampling:
    """resamples: of the bootstrap. permutations: for p-values, never below 1 / (permutations + 1)."""

    resamples: int = 2000
    permutations: int = 10_000
    level: float = 0.95
    seed: int = 0


RESAMPLING = Resampling()


@dataclass(frozen=True)
class Estimate:
    """A value with the limits of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Estimate):
    """First minus second, with a two-sided p-value."""

    p: float


def bootstrap(
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
    names: Sequence[str] = tuple(METRICS),
    settings: Resampling = RESAMPLING,
) -> dict[str, Estimate]:
    """Each metric with its percentile interval over resampled patients.

    labels: (N,). probabilities: (N, K), or (R, N, K) for R seeds: the mean over seeds of the metric is then estimated,
    with the same patients in all. The interval holds these trained networks fixed: it says how much the patients
    matter, not the training. The ECE adds up absolute gaps, and repeated cases widen every gap: its percentiles would
    lie above the value itself, and are moved down by the mean excess. Raises EvaluationError: bad_scores, class_absent.
    """
    generator = np.random.default_rng([settings.seed, 0])
    weights = patient_weights(labels, patients, settings.resamples, generator)
    values = _mean_over_seeds(labels, probabilities, np.concatenate([np.ones_like(weights[:1]), weights]), names)
    found = {}
    for name, of in values.items():
        low, high = _limits(name, of, settings.level)
        found[name] = Estimate(float(of[0]), max(low, 0.0) if METRICS[name].inflated else low, high)
    return found


def compare(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    patients: Sequence[str],
    names: Sequence[str] = tuple(METRICS),
    settings: Resampling = RESAMPLING,
) -> dict[str, Difference]:
    """Each metric of `first` minus that of `second`, both (N, K) or (R, N, K) of the same cases.

    The interval: both in the same resampled patients, percentiles of the difference. The p-value: a permutation test,
    since under the null hypothesis the two methods' predictions for a patient could be exchanged (Bandos 2005,
    Statistics in Medicine 24:2873); (1 + exceeding) / (1 + permutations), never 0 (Phipson and Smyth 2010). Two
    different questions: at the border they may differ. Raises EvaluationError: bad_scores, class_absent.
    """
    generator = np.random.default_rng([settings.seed, 0])
    weights = patient_weights(labels, patients, settings.resamples, generator)
    weights = np.concatenate([np.ones_like(weights[:1]), weights])
    of_first = _mean_over_seeds(labels, first, weights, names)
    of_second = _mean_over_seeds(labels, second, weights, names)
    permuted = _permuted_differences(labels, first, second, patients, names, settings)
    found = {}
    for name in names:
        difference = of_first[name] - of_second[name]
        exceeding = (np.abs(permuted[name]) >= abs(difference[0]) - TIE).sum()
        p = float((1 + exceeding) / (1 + settings.permutations))
        found[name] = Difference(float(difference[0]), *_limits(name, difference, settings.level), p=p)
    return found


def t_interval(values: Sequence[float], level: float = RESAMPLING.level) -> Estimate:
    """Mean of two or more independent values, such as one for each seed, with Student's interval."""
    of = np.asarray(values, dtype=float)
    half = student_t.ppf((1 + level) / 2, len(of) - 1) * of.std(ddof=1) / np.sqrt(len(of))
    return Estimate(float(of.mean()), float(of.mean() - half), float(of.mean() + half))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values of one family of comparisons, adjusted so that the chance of any false one is bounded (Holm 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return tuple(adjusted.tolist())


def _permuted_differences(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    patients: Sequence[str],
    names: Sequence[str],
    settings: Resampling,
) -> dict[str, np.ndarray]:
    """Both methods side by side as 2 N cases; a permutation is a choice of which half counts for which method."""
    swapped = patient_swaps(patients, settings.permutations, np.random.default_rng([settings.seed, 1]))
    one_side = np.concatenate([~swapped, swapped], axis=1)
    both = np.concatenate([first, second], axis=-2)
    twice = np.concatenate([labels, labels])
    of_one = _mean_over_seeds(twice, both, one_side, names)
    of_other = _mean_over_seeds(twice, both, ~one_side, names)
    return {name: of_one[name] - of_other[name] for name in names}


def _mean_over_seeds(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, names: Sequence[str]
) -> dict[str, np.ndarray]:
    seeds = probabilities if probabilities.ndim == 3 else probabilities[None]
    found = [measure_resamples(labels, of_seed, weights, names) for of_seed in seeds]
    return {name: np.mean([values[name] for values in found], axis=0) for name in names}


def _limits(name: str, values: np.ndarray, level: float) -> tuple[float, float]:
    """Percentiles of all values but the first, which is that of the cases as they are."""
    excess = values[1:].mean() - values[0] if METRICS[name].inflated else 0.0
    low, high = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2]) - excess
    return float(low), float(high)
