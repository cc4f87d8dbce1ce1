"""A run's numbers, as the paper prints them and as they can be trusted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .bootstrap import RESAMPLING, Resampling, bootstrap, t_interval
from .metrics import METRICS, measure
from .predictions import Predictions
from .run_folder import EntryPredictions, RunPredictions, read_run
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
OVER_SEEDS = "mean over seeds [{level:.0%} t interval]"


def summarise(
    run: Path | str,
    *,
    split: str = "test",
    names: Sequence[str] = tuple(METRICS),
    settings: Resampling = RESAMPLING,
    note: str = "",
) -> Table:
    """Every job of a run, by inputs and dose, on the cases that its folds held out.

    Two lines each: mean ± std over folds, as the paper prints it, and all folds pooled with a bootstrap interval over
    patients; with several seeds a third, the pooled metric's mean with a t interval over seeds. Only seeds that have
    every fold count; a job without one is named as incomplete and has no numbers. note: printed with the table.
    Raises EvaluationError: bad_run, bad_predictions, not_held_out, repeated_case, other_cases, class_absent.
    """
    found = read_run(run, split)
    rows: list[tuple[Cell, ...]] = []
    for of_entry in found.entries.values():
        rows += _rows(of_entry, found, names, settings)
    columns = FACTS + tuple(Column(name, METRICS[name].title) for name in names)
    return Table(f"Metrics by job ({split} cases)", columns, tuple(rows), _remarks(names, settings), note)


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
    who = (entry.job, entry.inputs, entry.dose)
    if not seeds:
        return [(*who, "", "", f"incomplete, missing: {missing}", *[""] * len(names))]
    pooled = found.pooled(seeds)
    facts = (*who, _listed(seeds), f"{len(pooled[0])} of {sum(map(len, run.held_out))}")
    rows = [
        (*facts, OVER_FOLDS, *_over_folds(found, seeds, names)),
        (*facts, POOLED.format(level=settings.level), *_over_patients(pooled, names, settings)),
    ]
    if len(seeds) > 1:
        rows.append((*facts, OVER_SEEDS.format(level=settings.level), *_over_seeds(pooled, names, settings.level)))
    if missing:
        rows.append((*who, "", "", f"left out, missing: {missing}", *[""] * len(names)))
    return rows


def _over_folds(found: EntryPredictions, seeds: tuple[int, ...], names: Sequence[str]) -> list[Value]:
    """A fold's value is its mean over seeds; std with folds − 1."""
    of_jobs = [
        [measure(part.labels, part.probabilities(), names) for part in _in_order(found.by_seed[seed])] for seed in seeds
    ]
    cells = []
    for name in names:
        of_folds = np.mean([[metrics[name] for metrics in folds] for folds in of_jobs], axis=0)
        cells.append(value_of(name, float(of_folds.mean()), std=float(of_folds.std(ddof=1))))
    return cells


def _in_order(by_fold: dict[int, Predictions]) -> list[Predictions]:
    return [by_fold[fold] for fold in sorted(by_fold)]


def _over_patients(pooled: Sequence[Predictions], names: Sequence[str], settings: Resampling) -> list[Value]:
    probabilities = np.stack([part.probabilities() for part in pooled])
    found = bootstrap(pooled[0].labels, probabilities, pooled[0].patients, names, settings)
    return [value_of(name, of.value, low=of.low, high=of.high) for name, of in found.items()]


def _over_seeds(pooled: Sequence[Predictions], names: Sequence[str], level: float) -> list[Value]:
    of_seeds = [measure(part.labels, part.probabilities(), names) for part in pooled]
    cells = []
    for name in names:
        of = t_interval([metrics[name] for metrics in of_seeds], level)
        cells.append(value_of(name, of.value, low=of.low, high=of.high))
    return cells


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))


def _remarks(names: Sequence[str], settings: Resampling) -> tuple[str, ...]:
    return (
        f"Std over folds is a sample standard deviation, no interval. Pooled: held-out cases of all folds as one, with "
        f"percentiles of {settings.resamples} bootstrap resamples of patients, stratified by grade, for the networks "
        "as they were trained. With several seeds every number is the mean over them; the t interval over seeds says "
        "how much training varies on the same patients, not how much patients do. The ECE of few cases is too high: "
        "that of folds lies above that of the pooled cases. Accuracies, precision, recall, F1 and AUC in %.",
        *(f"{METRICS[name].title}: {METRICS[name].description}." for name in names),
    )
