"""Intervals of metrics, and paired differences with p-values (method.md, section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

from .checks import check_scores
from .metrics import METRICS, measure_blocks
from .resampling import can_resample, patient_swaps, patient_weights
from .scores import ranks

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
    """A value with the limits of its interval; None where there are too few patients for one (`can_resample`), or every
    resample gives the same, such as the accuracy of a network that always says one grade."""

    value: float
    low: float | None
    high: float | None


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
    networks: np.ndarray | None = None,
) -> dict[str, Estimate]:
    """Each metric with its percentile interval over resampled patients.

    labels: (N,). probabilities: (N, K), or (R, N, K) for R seeds: the mean over seeds of the metric is then estimated,
    with the same patients in all. networks: (N,), such as the fold of each case, where not one network made all
    predictions of a seed. The interval holds these trained networks fixed: it says how much the patients
    matter, not the training. The ECE adds up absolute gaps, and repeated cases widen every gap: its percentiles would
    lie above the value itself, and are moved down by the mean excess. Raises EvaluationError: bad_scores, class_absent.
    """
    _check(labels, probabilities)
    generator = np.random.default_rng([settings.seed, 0])
    weights = patient_weights(labels, patients, settings.resamples, generator, networks)
    weights = np.concatenate([np.ones_like(weights[:1]), weights])
    values = _mean_over_seeds(labels, probabilities, weights, names, networks)
    enough = can_resample(labels, patients, networks)
    found = {}
    for name, of in values.items():
        low, high = _limits(name, of, settings.level) if enough else (None, None)
        found[name] = Estimate(float(of[0]), low if low is None or not METRICS[name].inflated else max(low, 0.0), high)
    return found


def compare(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    patients: Sequence[str],
    names: Sequence[str] = tuple(METRICS),
    settings: Resampling = RESAMPLING,
    networks: np.ndarray | None = None,
) -> dict[str, Difference]:
    """Each metric of `first` minus that of `second`, both (N, K) or (R, N, K) of the same cases.

    networks: as in `bootstrap`, the same for both.

    The interval: both in the same resampled patients, percentiles of the difference. The p-value: a permutation test,
    since under the null hypothesis the two methods' predictions for a patient could be exchanged; those of an AUC as
    ranks within their network, since scores of two methods have no common scale (Bandos 2005, Statistics in Medicine
    24:2873); (1 + exceeding) / (1 + permutations), never 0 (Phipson and Smyth 2010). Two
    different questions: at the border they may differ. Raises EvaluationError: bad_scores, class_absent.
    """
    _check(labels, first, second)
    generator = np.random.default_rng([settings.seed, 0])
    weights = patient_weights(labels, patients, settings.resamples, generator, networks)
    weights = np.concatenate([np.ones_like(weights[:1]), weights])
    of_first = _mean_over_seeds(labels, first, weights, names, networks)
    of_second = _mean_over_seeds(labels, second, weights, names, networks)
    permuted = _permuted_differences(labels, first, second, patients, names, settings, networks)
    enough = can_resample(labels, patients, networks)
    found = {}
    for name in names:
        difference = of_first[name] - of_second[name]
        exceeding = (np.abs(permuted[name]) >= abs(difference[0]) - TIE).sum()
        p = float((1 + exceeding) / (1 + settings.permutations))
        limits = _limits(name, difference, settings.level) if enough else (None, None)
        found[name] = Difference(float(difference[0]), *limits, p=p)
    return found


def t_interval(values: Sequence[float], level: float = RESAMPLING.level, shared: float = 0.0) -> Difference:
    """Mean of two or more values, one for each trained network, with Student's interval and p-value against zero.

    shared: held-out cases for each case learnt from, where networks of several folds learn from much the same cases
    and their values vary too little: the variance of the mean is then (1 / n + shared) s² (Nadeau and Bengio 2003,
    Machine Learning 52:239).
    """
    of = np.asarray(values, dtype=float)
    mean, error = of.mean(), of.std(ddof=1) * np.sqrt(1 / len(of) + shared)
    half = student_t.ppf((1 + level) / 2, len(of) - 1) * error
    # Values without any spread: all the same, or two methods that never differ.
    p = 2 * student_t.sf(abs(mean) / error, len(of) - 1) if error > 0 else float(mean == 0)
    return Difference(float(mean), float(mean - half), float(mean + half), p=float(p))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values of one family of comparisons, adjusted so that the chance of any false one is bounded (Holm 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return tuple(adjusted.tolist())


def _check(labels: np.ndarray, *given: np.ndarray) -> None:
    for probabilities in given:
        for of_seed in probabilities if probabilities.ndim == 3 else probabilities[None]:
            check_scores(labels, of_seed)


def _permuted_differences(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    patients: Sequence[str],
    names: Sequence[str],
    settings: Resampling,
    networks: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Both methods side by side as 2 N cases; a permutation is a choice of which half counts for which method."""
    swapped = patient_swaps(patients, settings.permutations, np.random.default_rng([settings.seed, 1]))
    one_side = np.concatenate([~swapped, swapped], axis=1)
    twice = np.concatenate([labels, labels])
    both_networks = None if networks is None else np.concatenate([networks, networks])
    found: dict[str, np.ndarray] = {}
    for of_order in (True, False):
        of_kind = [name for name in names if METRICS[name].of_order == of_order]
        pair = [ranks(of, networks) for of in (first, second)] if of_order else [first, second]
        both = np.concatenate(pair, axis=-2)
        one, other = (_mean_over_seeds(twice, both, side, of_kind, both_networks) for side in (one_side, ~one_side))
        found |= {name: one[name] - other[name] for name in of_kind}
    return found


def _mean_over_seeds(
    labels: np.ndarray,
    scores: np.ndarray,
    weights: np.ndarray,
    names: Sequence[str],
    networks: np.ndarray | None,
) -> dict[str, np.ndarray]:
    seeds = scores if scores.ndim == 3 else scores[None]
    found = [measure_blocks(labels, of_seed, weights, names, networks) for of_seed in seeds]
    return {name: np.mean([values[name] for values in found], axis=0) for name in names}


def _limits(name: str, values: np.ndarray, level: float) -> tuple[float, float] | tuple[None, None]:
    """Percentiles of all values but the first, which is that of the cases as they are."""
    if np.ptp(values[1:]) < TIE:
        return None, None
    excess = values[1:].mean() - values[0] if METRICS[name].inflated else 0.0
    low, high = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2]) - excess
    return float(low), float(high)
