"""What the loss of each network was made of."""

from pathlib import Path

import numpy as np

from ..engine.history import Row, read_history
from ..evaluation.entries import missing_folds
from ..evaluation.run_folder import DONE
from ..evaluation.table import Cell, Column, Table, Value, with_missing
from ..experiments.jobs import jobs_of
from ..experiments.preparation import experiment_of

MEASURES = ("epoch", "loss", "gradient_norm", "macro_auc", "nll")
"""Columns of an epoch that are no terms of the loss, beside the AUC of each of the inputs."""
COLUMNS = (
    Column("job", "Job"),
    Column("networks", "Networks"),
    Column("loss", "Loss"),
    Column("gradient", "Gradient norm"),
    Column("terms", "Terms, % of the loss"),
)
REMARK = (
    "Means over the last epoch of the networks of all seeds that have every fold. Terms are weighted, as they are "
    "added up. A small share can still move a network, and a large one leave it alone; one that is near zero did "
    "nothing at the end. The norm of the gradient is that before clipping: far above the limit, the whole loss is "
    "scaled down with its largest term."
)


def loss_table(run: Path, note: str = "") -> Table | None:
    """Of each job, over the seeds that have every fold; a job without one is named as incomplete and has no numbers.

    None where no training has kept its epochs. Raises ExperimentError: no_run, bad_config.
    """
    ends: dict[str, dict[int, dict[int, Row]]] = {}
    jobs = jobs_of(experiment_of(run))
    for job in jobs:
        of_seed = ends.setdefault(job.folder.name, {}).setdefault(job.seed, {})
        if (run / job.folder / DONE).is_file() and (epochs := read_history(run / job.folder)):
            of_seed[job.fold] = epochs[-1]
    if not any(of_seed for by_seed in ends.values() for of_seed in by_seed.values()):
        return None
    folds = sorted({job.fold for job in jobs})
    columns, rows = with_missing(COLUMNS, [_line(name, by_seed, folds) for name, by_seed in ends.items()])
    return Table("What losses were made of", columns, rows, (REMARK,), note)


def _line(name: str, by_seed: dict[int, dict[int, Row]], folds: list[int]) -> tuple[tuple[Cell, ...], str]:
    """Its cells, and what is missing."""
    whole = [row for of_seed in by_seed.values() if set(of_seed) == set(folds) for row in of_seed.values()]
    missing = missing_folds(folds, by_seed, by_seed)
    if not whole:
        return (name,), f"incomplete, missing: {missing}"
    return (name, len(whole), *_means(whole), _shares(whole)), f"left out, missing: {missing}" if missing else ""


def _means(ends: list[Row]) -> tuple[Value, Value]:
    loss, gradient = (float(np.mean([row[key] for row in ends])) for key in ("loss", "gradient_norm"))
    return Value(loss), Value(gradient)


def _shares(ends: list[Row]) -> str:
    """Of the terms' absolute values, the largest first."""
    terms = {key: abs(np.mean([row[key] for row in ends])) for key in ends[0] if _is_term(key)}
    whole = sum(terms.values())
    largest_first = sorted(terms.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {100 * value / whole:.1f}" for name, value in largest_first)


def _is_term(key: str) -> bool:
    return key not in MEASURES and not key.startswith("auc_")
