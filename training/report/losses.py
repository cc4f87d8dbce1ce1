"""What the loss of each network was made of."""

from pathlib import Path

import numpy as np

from ..engine.history import Row, read_history
from ..evaluation.run_folder import DONE
from ..evaluation.table import Column, Table, Value
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
    "Means over the last epoch of all finished networks. Terms are weighted, as they are added up. A small share can "
    "still move a network, and a large one leave it alone; one that is near zero did nothing at the end. The norm of "
    "the gradient is that before clipping: far above the limit, the whole loss is scaled down with its largest term."
)


def loss_table(run: Path, note: str = "") -> Table | None:
    """None where no training has kept its epochs. Raises ExperimentError: no_run, bad_config."""
    ends: dict[str, list[Row]] = {}
    for job in jobs_of(experiment_of(run)):
        if (run / job.folder / DONE).is_file() and (epochs := read_history(run / job.folder)):
            ends.setdefault(job.folder.name, []).append(epochs[-1])
    rows = [(name, len(of), *_means(of), _shares(of)) for name, of in ends.items()]
    return Table("What losses were made of", COLUMNS, tuple(rows), (REMARK,), note) if rows else None


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
