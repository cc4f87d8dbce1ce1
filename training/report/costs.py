"""What the networks of a run cost, and how good they are for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from matplotlib.figure import Figure

from REACTKDLib.networks.architecture import Architecture

from ..data.draw_settings import NATIVE
from ..engine.errors import TrainingError
from ..evaluation.bootstrap import RESAMPLING, Estimate, Resampling, bootstrap
from ..evaluation.entries import why_undefined
from ..evaluation.figures import CostPoint, cost_figure
from ..evaluation.run_folder import DONE, Entry, EntryPredictions, read_run
from ..evaluation.summary import value_of
from ..evaluation.table import Cell, Column, Table, Value, with_missing
from ..experiments.jobs import jobs_of
from ..experiments.preparation import experiment_of
from .forward_cost import REPEATS, WARM_UP, Cost, cost_of
from .networks import HeldOut, read_networks

Kind = Literal["parameters", "flops", "milliseconds"]
QUALITY = "Macro AUC"


@dataclass(frozen=True)
class Unit:
    """What is printed of a cost. key: in CSV. size: how many of `Cost` are one of it."""

    key: str
    title: str
    size: float = 1.0


UNITS: dict[Kind, Unit] = {
    "parameters": Unit("parameters_millions", "Parameters (millions)", 1e6),
    "flops": Unit("gflops", "GFLOPs a case", 1e9),
    "milliseconds": Unit("milliseconds", "Milliseconds a case"),
}


@dataclass(frozen=True)
class JobCost:
    """job: such as `student-react_kd`. inputs: that it reads, such as `ct+fdg`.

    cost: in words why there is none, where no fold is done or its network cannot be read. auc: macro, folds pooled; in
    words why there is none, where no seed has every fold or no case some grade. only_folds: that there are cases of, in
    words, where the run was not asked for all.
    """

    job: str
    inputs: str
    cost: Cost | str
    auc: Estimate | str
    only_folds: str = ""


def costs_of_run(
    run: Path | str,
    *,
    device: torch.device | str = "cpu",
    repeats: int = REPEATS,
    settings: Resampling = RESAMPLING,
) -> tuple[JobCost, ...]:
    """Of every network of a run, with all inputs that it reads; measured on its first finished fold and seed.

    Networks of one architecture cost the same, and are measured once: nothing but how busy the machine is would differ.
    Raises ExperimentError, CohortError, EvaluationError.
    """
    run = Path(run)
    jobs = jobs_of(experiment_of(run))
    predictions = read_run(run)
    found: list[JobCost] = []
    measured: dict[tuple[Architecture, str], Cost] = {}
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
        predicted = predictions.entries.get(Entry(name, inputs, NATIVE))
        kind = (of.network.architecture, inputs)
        if kind not in measured:
            _, batch = next(of.batches([_whole_case(of)]))
            measured[kind] = cost_of(of.network, batch, device, repeats)
        found.append(JobCost(name, inputs, measured[kind], _auc(predicted, settings), predictions.only_folds))
    return tuple(found)


def cost_table(
    costs: Sequence[JobCost], device: torch.device | str = "cpu", repeats: int = REPEATS, note: str = ""
) -> Table:
    """device, repeats: that they were measured with."""
    columns = (
        Column("job", "Job"),
        Column("inputs", "Inputs"),
        *(Column(unit.key, unit.title) for unit in UNITS.values()),
        Column("auc", QUALITY),
    )
    columns, rows = with_missing(columns, list(map(_line, costs)))
    only = next(filter(None, (of.only_folds for of in costs)), "")
    return Table("What a decision costs", columns, rows, (_remark(device, repeats, only),), note)


def cost_points(costs: Sequence[JobCost], kind: Kind, names: Mapping[str, str] | None = None) -> list[CostPoint]:
    """Of the jobs whose cost and AUC are known, in the unit of `UNITS`; networks of one cost are one point.

    Methods that train the same student differ in nothing that costs, and would lie over one another: theirs is the
    median of their AUCs, from the lowest to the highest. names: what is read instead of a job's, if not its own.
    """
    of_cost: dict[Cost, list[JobCost]] = {}
    for of in filter(has_both, costs):
        of_cost.setdefault(of.cost, []).append(of)
    points = []
    for cost, alike in of_cost.items():
        name, quality = (names or {}).get(alike[0].job, alike[0].job), alike[0].auc
        if len(alike) > 1:
            name = f"{len(alike)} networks ({alike[0].inputs}), median and range"
            values = [of.auc.value for of in alike]
            quality = Estimate(float(np.median(values)), min(values), max(values))
        points.append(CostPoint(name, getattr(cost, kind) / UNITS[kind].size, quality))
    return points


def has_both(of: JobCost) -> bool:
    """Whether its cost and its AUC are known."""
    return isinstance(of.cost, Cost) and isinstance(of.auc, Estimate)


def cost_picture(
    costs: Sequence[JobCost], kind: Kind, names: Mapping[str, str] | None = None, note: str = ""
) -> Figure:
    """Macro-AUC with its interval against one kind of cost. names: as in `cost_points`."""
    return cost_figure(cost_points(costs, kind, names), cost=UNITS[kind].title, quality=QUALITY, note=note)


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


def _line(of: JobCost) -> tuple[tuple[Cell, ...], str]:
    """Its cells, and what is missing."""
    if isinstance(of.cost, str):
        return (of.job,), of.cost
    costs = (Value(getattr(of.cost, kind) / unit.size, style="rounded") for kind, unit in UNITS.items())
    if isinstance(of.auc, str):
        return (of.job, of.inputs, *costs), f"AUC {of.auc}"
    return (of.job, of.inputs, *costs, value_of("auc", of.auc.value, low=of.auc.low, high=of.auc.high)), ""


def _remark(device: torch.device | str, repeats: int, only: str) -> str:
    device = torch.device(device)
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    else:
        where = f"CPU, {torch.get_num_threads()} threads" if torch.get_num_threads() > 1 else "CPU, one thread"
    folds = only or "all folds pooled"
    return (
        "One case at a time, with all inputs that the network reads; preprocessing is not included. FLOPs are those of "
        "convolutions and matrix products, a multiplication and its addition counted as two. Time is that of the "
        f"fastest of {repeats} forward passes after {WARM_UP} to warm up ({where}), taken once for all networks of one "
        f"architecture, and differs from machine to machine. {QUALITY}, in %, of held-out cases, {folds}, native dose, "
        "with its bootstrap interval over patients."
    )
