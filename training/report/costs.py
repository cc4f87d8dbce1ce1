"""What the networks of a run cost, and how good they are for that."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from matplotlib.figure import Figure

from ..data.draw_settings import NATIVE
from ..engine.errors import TrainingError
from ..evaluation.bootstrap import RESAMPLING, Estimate, Resampling, bootstrap
from ..evaluation.entries import why_undefined
from ..evaluation.figures import CostPoint, cost_figure
from ..evaluation.run_folder import DONE, Entry, EntryPredictions, read_run
from ..evaluation.table import Cell, Column, Table, Value
from ..experiments.jobs import jobs_of
from ..experiments.preparation import experiment_of
from .forward_cost import REPEATS, WARM_UP, Cost, cost_of
from .networks import HeldOut, read_networks

Kind = Literal["parameters", "flops", "milliseconds"]
UNITS: dict[Kind, tuple[str, float]] = {
    "parameters": ("Parameters (millions)", 1e6),
    "flops": ("GFLOPs a case", 1e9),
    "milliseconds": ("Milliseconds a case", 1.0),
}
"""What is printed, and how many of `Cost` are one of it."""
QUALITY = "Macro AUC"


@dataclass(frozen=True)
class JobCost:
    """job: such as `student-react_kd`. inputs: that it reads, such as `ct+fdg`.

    cost: in words why there is none, where no fold is done or its network cannot be read. auc: macro, of all folds
    pooled; in words why there is none, where no seed has every fold or no case some grade.
    """

    job: str
    inputs: str
    cost: Cost | str
    auc: Estimate | str


def costs_of_run(
    run: Path | str,
    *,
    device: torch.device | str = "cpu",
    repeats: int = REPEATS,
    settings: Resampling = RESAMPLING,
) -> tuple[JobCost, ...]:
    """Of every network of a run, with all inputs that it reads; measured on its first finished fold and seed.

    Raises ExperimentError, CohortError, EvaluationError.
    """
    run = Path(run)
    jobs = jobs_of(experiment_of(run))
    entries = read_run(run).entries
    found = []
    for name in dict.fromkeys(job.folder.name for job in jobs):
        done = [job for job in jobs if job.folder.name == name and (run / job.folder / DONE).is_file()]
        if not done:
            found.append(JobCost(name, "", "not done", ""))
            continue
        try:
            (of,) = read_networks(run, [name], done[0].fold, done[0].seed, device=device)
        except TrainingError:
            found.append(JobCost(name, "", "cannot be read", ""))
            continue
        inputs = "+".join(of.evaluation.inputs)
        predicted = entries.get(Entry(name, inputs, NATIVE))
        _, batch = next(of.batches([_whole_case(of)]))
        found.append(JobCost(name, inputs, cost_of(of.network, batch, device, repeats), _auc(predicted, settings)))
    return tuple(found)


def cost_table(
    costs: Sequence[JobCost], device: torch.device | str = "cpu", repeats: int = REPEATS, note: str = ""
) -> Table:
    """device, repeats: that they were measured with."""
    columns = (
        Column("job", "Job"),
        Column("inputs", "Inputs"),
        *(Column(kind, title) for kind, (title, _) in UNITS.items()),
        Column("auc", QUALITY),
    )
    return Table("What a decision costs", columns, tuple(map(_row, costs)), (_remark(device, repeats),), note)


def cost_points(costs: Sequence[JobCost], kind: Kind) -> list[CostPoint]:
    """Of the jobs whose cost and AUC are known, in the unit of `UNITS`; of networks of one size the first alone.

    Methods that train the same student differ in nothing that costs, and would lie over one another.
    """
    of_size: dict[tuple[int, int], list[JobCost]] = {}
    for of in filter(has_both, costs):
        of_size.setdefault((of.cost.parameters, of.cost.flops), []).append(of)
    points = []
    for first, *others in of_size.values():
        name = f"{first.job} (and {len(others)} of its size)" if others else first.job
        points.append(CostPoint(name, getattr(first.cost, kind) / UNITS[kind][1], first.auc))
    return points


def has_both(of: JobCost) -> bool:
    """Whether its cost and its AUC are known."""
    return isinstance(of.cost, Cost) and isinstance(of.auc, Estimate)


def cost_picture(costs: Sequence[JobCost], kind: Kind, note: str = "") -> Figure:
    """Macro-AUC with its interval against one kind of cost."""
    return cost_figure(cost_points(costs, kind), cost=UNITS[kind][0], quality=QUALITY, note=note)


def _whole_case(of: HeldOut) -> str:
    """A held-out case that has every input, if any has."""
    wanted = set(of.evaluation.inputs)
    return next((name for name in of.cases.test if wanted <= of.cases.cache.read(name).images.keys()), of.names[0])


def _auc(predicted: EntryPredictions | None, settings: Resampling) -> Estimate | str:
    if predicted is None or not predicted.seeds:
        return "incomplete"
    pooled = predicted.pooled(predicted.seeds)
    if why := why_undefined(pooled):
        return f"not defined: {why}"
    probabilities = np.stack([part.probabilities() for part in pooled])
    networks = predicted.networks(pooled[0])
    return bootstrap(pooled[0].labels, probabilities, pooled[0].patients, ("auc",), settings, networks)["auc"]


def _row(of: JobCost) -> tuple[Cell, ...]:
    if isinstance(of.cost, str):
        return (of.job, of.cost, *[""] * len(UNITS), "")
    values = (Value(getattr(of.cost, kind) / unit) for kind, (_, unit) in UNITS.items())
    auc = of.auc if isinstance(of.auc, str) else Value(of.auc.value, low=of.auc.low, high=of.auc.high)
    return (of.job, of.inputs, *values, auc)


def _remark(device: torch.device | str, repeats: int) -> str:
    device = torch.device(device)
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    else:
        where = f"CPU, {torch.get_num_threads()} threads" if torch.get_num_threads() > 1 else "CPU, one thread"
    return (
        "One case at a time, with all inputs that the network reads; preprocessing is not included. FLOPs are those of "
        "convolutions and matrix products, a multiplication and its addition counted as two. Time is the median of "
        f"{repeats} forward passes after {WARM_UP} to warm up ({where}), and differs from machine to machine. "
        f"{QUALITY} of held-out cases, all folds pooled, native dose, with its bootstrap interval over patients."
    )
