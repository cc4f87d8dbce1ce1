"""A run's numbers, as the paper prints them and as they can be trusted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .bootstrap import RESAMPLING, Resampling, bootstrap, t_interval
from .entries import EXTERNAL, TEST, VALIDATION, EntryPredictions, RunPredictions, listed, why_undefined
from .metrics import METRICS, measure
from .predictions import Predictions
from .resampling import STRATIFIED
from .run_folder import read_run
from .table import Cell, Column, Table, Value

FACTS = (
    Column("job", "Job"),
    Column("inputs", "Inputs"),
    Column("dose", "Dose"),
    Column("seeds", "Seeds"),
    Column("cases", "Cases"),
    Column("estimate", "Estimate"),
)
OVER_FOLDS = "mean ± std over folds"
POOLED = "pooled [{level:.0%} interval]"
OVER_NETWORKS = "mean over networks [{level:.0%} interval]"
OVER_SEEDS = "mean over seeds [{level:.0%} t interval]"
CALIBRATED = "Probabilities have the temperature of their network's validation cases, as an exported network has."
AS_TRAINED = "Probabilities are those of logits as trained: there are no validation cases to fit a temperature on."


def summarise(
    run: Path | str,
    *,
    split: str = "test",
    names: Sequence[str] = tuple(METRICS),
    settings: Resampling = RESAMPLING,
    note: str = "",
) -> Table:
    """Every job of a run, by inputs and dose, on the cases of one split.

    test: those that its folds held out. Two lines each: mean ± std over folds, as the paper prints it, and all folds
    pooled with a bootstrap interval over patients; with several seeds a third, the pooled metric's mean with a t
    interval over seeds. external: all folds' networks predict the same cases, so that the second line is the mean over
    networks instead. validation: over folds only, since a case may choose the epoch in several folds.
    Of the folds that the run was asked for, which is said where it is not all; only seeds that have every one of them
    count, and a job without one is named as incomplete and has no numbers; so are those that the run's configuration
    asks for and nobody has begun. Where no case has one of the grades, metrics are not defined, and the line says so.
    note: printed with the table.
    Raises EvaluationError: bad_run, bad_predictions, not_held_out, repeated_case, other_cases.
    """
    found = read_run(run, split)
    rows: list[tuple[Cell, ...]] = []
    for of_entry in found.entries.values():
        rows += _rows(of_entry, found, names, settings)
    columns = FACTS + tuple(Column(name, METRICS[name].title) for name in names)
    return Table(f"Metrics by job ({split} cases)", columns, tuple(rows), _remarks(found, names, settings), note)


def value_of(
    name: str, value: float, *, std: float | None = None, low: float | None = None, high: float | None = None
) -> Value:
    """A metric's number in the style people read it in."""
    return Value(value, std, low, high, "percent" if METRICS[name].percent else "plain")


def _rows(
    found: EntryPredictions, run: RunPredictions, names: Sequence[str], settings: Resampling
) -> list[tuple[Cell, ...]]:
    entry, seeds = found.entry, found.seeds
    missing = found.missing(run.seeds)
    who, nothing = (entry.job, entry.inputs, entry.dose), [""] * len(names)
    if not seeds:
        return [(*who, "", "", f"incomplete, missing: {missing}", *nothing)]
    parts = found.in_order(seeds[0])
    facts = (*who, listed(seeds), f"{len(set().union(*(part.cases for part in parts)))} of {run.case_count}")
    only = f" ({run.only_folds})" if run.only_folds else ""
    if why := why_undefined(parts):
        rows = [(*facts, f"not defined{only}: {why}", *nothing)]
    else:
        estimates = _estimates(found, run, names, settings)
        rows = [(*facts, title.format(level=settings.level, only=only), *cells) for title, cells in estimates]
    if missing:
        rows.append((*who, "", "", f"left out, missing: {missing}", *nothing))
    return rows


def _estimates(
    found: EntryPredictions, run: RunPredictions, names: Sequence[str], settings: Resampling
) -> Iterator[tuple[str, Sequence[Cell]]]:
    """Titles, which `level` and `only` are to be put into, and numbers."""
    seeds = found.seeds
    if len(run.folds) > 1 or run.split == VALIDATION:
        title = (OVER_FOLDS if len(run.folds) > 1 else "as measured") + "{only}"
        if why := _undefined_folds(found, seeds):
            yield f"{title}, not defined: {why}", [""] * len(names)
        else:
            yield title, _over_folds(found, seeds, names)
    if run.split == VALIDATION:
        return
    pooled = found.pooled(seeds)
    networks = found.networks(pooled[0])
    yield (OVER_NETWORKS if found.same_cases else POOLED) + "{only}", _over_patients(pooled, networks, names, settings)
    if len(seeds) > 1:
        yield OVER_SEEDS + "{only}", _over_seeds(pooled, networks, len(seeds), names, settings.level)


def _undefined_folds(found: EntryPredictions, seeds: tuple[int, ...]) -> str:
    """Which folds have no metrics and why, in words; "" where all have."""
    folds_of: dict[str, set[int]] = {}
    for seed in seeds:
        for fold, part in found.by_seed[seed].items():
            folds_of.setdefault(why_undefined([part]), set()).add(fold)
    return "; ".join(f"{why} in fold {listed(sorted(folds))}" for why, folds in folds_of.items() if why)


def _over_folds(found: EntryPredictions, seeds: tuple[int, ...], names: Sequence[str]) -> list[Value]:
    """A fold's value is its mean over seeds; std with folds − 1, none for one fold."""
    of_jobs = [[measure(part.labels, part.probabilities(), names) for part in found.in_order(seed)] for seed in seeds]
    cells = []
    for name in names:
        of_folds = np.mean([[metrics[name] for metrics in folds] for folds in of_jobs], axis=0)
        std = float(of_folds.std(ddof=1)) if len(of_folds) > 1 else None
        cells.append(value_of(name, float(of_folds.mean()), std=std))
    return cells


def _over_patients(
    pooled: Sequence[Predictions], networks: np.ndarray, names: Sequence[str], settings: Resampling
) -> list[Value]:
    probabilities = np.stack([part.probabilities() for part in pooled])
    found = bootstrap(pooled[0].labels, probabilities, pooled[0].patients, names, settings, networks)
    return [value_of(name, of.value, low=of.low, high=of.high) for name, of in found.items()]


def _over_seeds(
    pooled: Sequence[Predictions], networks: np.ndarray, seeds: int, names: Sequence[str], level: float
) -> list[Value]:
    """A seed's value is the mean over its networks, where there are several of the same cases."""
    measured = [measure(part.labels, part.probabilities(), names, networks) for part in pooled]
    cells = []
    for name in names:
        of_seeds = np.reshape([metrics[name] for metrics in measured], (seeds, -1)).mean(1)
        of = t_interval(of_seeds, level)
        cells.append(value_of(name, of.value, low=of.low, high=of.high))
    return cells


def _remarks(run: RunPredictions, names: Sequence[str], settings: Resampling) -> tuple[str, ...]:
    """What the lines of the table are."""
    intervals = (
        f"percentiles of {settings.resamples} bootstrap resamples of patients for the networks as they were trained, "
        f"{STRATIFIED}"
    )
    of_split = {
        TEST: f"Pooled: held-out cases of all folds as one, with {intervals}.",
        EXTERNAL: "Cases of another cohort, from which no network has learnt; the network of every fold predicts all "
        "of them. Std over folds says how much the networks differ on these patients. Over networks: the mean of what "
        f"each network (fold and seed) reaches by itself, not of an ensemble, with {intervals}.",
        VALIDATION: "Validation cases chose the epoch of each network: these numbers are too good, and not for "
        "comparisons. A case may validate several folds, so that they are not pooled.",
    }
    over_seeds = (
        "With several seeds every number is the mean over them; the t interval over seeds says how much training "
        "varies on the same patients, not how much patients do."
    )
    only = f"The run was asked to train {run.only_folds}, of {len(run.held_out)} folds." if run.only_folds else ""
    texts = ("Std over folds is a sample standard deviation, no interval.", of_split.get(run.split, ""), over_seeds)
    ece = "The ECE of few cases is too high: that of folds lies above that of the pooled cases."
    calibrated = "" if run.split == VALIDATION else CALIBRATED if run.calibrated else AS_TRAINED
    percent = "Accuracies, precision, recall, F1 and AUC in %."
    return (
        " ".join(filter(None, (*texts, ece if run.split == TEST else "", calibrated, only, percent))),
        *(f"{METRICS[name].title}: {METRICS[name].description}." for name in names),
    )
