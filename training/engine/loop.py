"""Epochs of steps, validated, kept and resumed: the same loop for teacher and student."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, distributed, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ..data.batch import TrainingBatch
from ..normalised_head import RecentMoments, lengthen_memory
from .checkpoint import read_checkpoint, write_checkpoint
from .errors import TrainingError
from .history import Row, TensorBoard, write_history
from .schedule import cosine
from .settings import Optimisation
from .stage import Stage

Validate = Callable[[nn.Module], Mapping[str, float]]
"""Measures a network in evaluation mode; `macro_auc` chooses the epoch that is kept, `nll` decides between equals."""


@dataclass(frozen=True)
class Steps:
    """An epoch's batches of this process: `of(epoch)`, `count` of them, the same whenever they are asked for."""

    of: Callable[[int], Iterable[Sequence[TrainingBatch]]]
    count: int


@dataclass
class State:
    """Where a training is. kept: weights of the best epoch so far."""

    epoch: int = 0
    best_epoch: int = 0
    best: tuple[float, float] = (-math.inf, -math.inf)
    history: list[Row] = field(default_factory=list)
    kept: dict[str, Tensor] = field(default_factory=dict)


def fit(
    fabric: Fabric,
    stage: Stage,
    steps: Steps,
    validate: Validate,
    settings: Optimisation,
    folder: Path,
    identity: Mapping[str, Any],
    *,
    title: str = "",
    show: bool = True,
) -> State:
    """Trains a stage and leaves its network with its best weights, in evaluation mode.

    It goes on from the checkpoint in `folder`, if there is one of the same `identity`, to the numbers it would have had
    without a break. show: a progress bar. Raises TrainingError: loss_not_finite, not_written, broken_checkpoint,
    other_settings.
    """
    optimiser = torch.optim.AdamW(stage.groups(settings.learning_rate), weight_decay=settings.weight_decay)
    schedule = cosine(optimiser, settings.epochs * steps.count, settings.warmup)
    module, optimiser = fabric.setup(stage, optimiser)
    average = _average(stage.network, settings)
    parts = {"stage": stage, "optimiser": optimiser, "schedule": schedule} | ({"average": average} if average else {})
    state = _resume(folder, identity, parts)
    first = fabric.global_rank == 0
    board = TensorBoard(folder, state.epoch + 1) if first else None
    if first and state.history:
        # Killed right after a checkpoint, the epoch that it holds is not in the file yet.
        write_history(folder, state.history)
    with tqdm(
        total=settings.epochs * steps.count, initial=state.epoch * steps.count, desc=title, disable=not (show and first)
    ) as bar:
        while state.epoch < settings.epochs and not _out_of_patience(state, settings):
            start = time.perf_counter()
            stage.train()
            terms = _Mean()
            for step, parts_of_batch in enumerate(steps.of(state.epoch), state.epoch * steps.count):
                lengthen_memory(stage, step / (settings.epochs * steps.count))
                terms.add(_step(fabric, module, optimiser, parts_of_batch, settings, state.epoch))
                schedule.step()
                if average:
                    average.update_parameters(stage.network)
                bar.update()
            judged = average.module if average else stage.network
            if average:
                _restate_heads(stage, judged, steps.of(state.epoch))
            judged.eval()
            # One process's numbers for all: where they differ in the last digit, some would stop and others wait.
            row = fabric.broadcast({"epoch": state.epoch + 1, **terms.values(fabric), **validate(judged)})
            _keep(state, row, judged)
            bar.set_postfix({name: f"{row[name]:.3f}" for name in ("loss", "macro_auc")})
            if first:
                write_checkpoint(
                    folder, asdict(state) | {name: part.state_dict() for name, part in parts.items()}, identity
                )
                write_history(folder, state.history)
                board.add(row, time.perf_counter() - start)
    if first:
        board.close()
    stage.network.load_state_dict(state.kept)
    stage.eval()
    return state


def _step(
    fabric: Fabric,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    parts: Sequence[TrainingBatch],
    settings: Optimisation,
    epoch: int,
) -> dict[str, float]:
    """One update from the parts of a batch; returns the terms, the loss and the gradient's norm."""
    optimiser.zero_grad()
    found: dict[str, float] = defaultdict(float)
    for index, batch in enumerate(parts):
        with fabric.no_backward_sync(module, enabled=index + 1 < len(parts)):
            terms = module(batch)
            loss = sum(terms.values()) / len(parts)
            fabric.backward(loss)
        for name, value in terms.items():
            found[name] += float(value.detach()) / len(parts)
        found["loss"] += float(loss.detach())
    norm = float(fabric.clip_gradients(module, optimiser, max_norm=settings.clip_norm, error_if_nonfinite=False))
    if not math.isfinite(found["loss"]) or not math.isfinite(norm):
        names = _of_all_processes([name for batch in parts for name in batch.names], fabric)
        values = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        raise TrainingError(
            "loss_not_finite",
            f"The loss is not finite in epoch {epoch + 1}, on the cases {', '.join(names)}: {values}; "
            f"gradient norm {norm:.3g}.",
            "The epoch before is kept. Look at these cases, lower the learning rate, or use fp32.",
        )
    optimiser.step()
    return {**found, "gradient_norm": norm}


def _of_all_processes(names: list[str], fabric: Fabric) -> list[str]:
    """What is not finite in one process is not in any, by the norm and the heads' statistics: all come here."""
    if fabric.world_size == 1:
        return names
    gathered: list[list[str]] = [[] for _ in range(fabric.world_size)]
    distributed.all_gather_object(gathered, names)
    return sorted(set().union(*gathered))


def _keep(state: State, row: Row, judged: nn.Module) -> None:
    state.epoch += 1
    state.history.append(dict(row))
    score = (row["macro_auc"], -row["nll"])
    if score > tuple(state.best):
        state.best, state.best_epoch = score, state.epoch
        state.kept = {name: value.detach().cpu().clone() for name, value in judged.state_dict().items()}


def _resume(folder: Path, identity: Mapping[str, Any], parts: Mapping[str, Any]) -> State:
    saved = read_checkpoint(folder, identity)
    if saved is None:
        return State()
    for name, part in parts.items():
        part.load_state_dict(saved.pop(name))
    return State(**saved | {"best": tuple(saved["best"])})


def _average(network: nn.Module, settings: Optimisation) -> AveragedModel | None:
    if settings.average is None:
        return None
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.average), use_buffers=True)


@torch.no_grad()
def _restate_heads(stage: Stage, network: nn.Module, steps: Iterable[Sequence[TrainingBatch]]) -> None:
    """Gives the heads of averaged weights the statistics of their own features: between those of the weights it was
    averaged from, which moved in the meantime, and its own lies more than cases differ by."""
    network.eval()
    heads = [module for module in network.modules() if isinstance(module, RecentMoments)]
    for head in heads:
        head.forget()
        head.train()
    for parts in steps:
        for batch in parts:
            stage.output(network, batch)


def _out_of_patience(state: State, settings: Optimisation) -> bool:
    return settings.patience is not None and state.epoch - state.best_epoch >= settings.patience


class _Mean:
    """Mean of each term over the steps of an epoch, and over the processes."""

    def __init__(self):
        self._sums: dict[str, float] = defaultdict(float)
        self._count = 0

    def add(self, terms: Mapping[str, float]) -> None:
        for name, value in terms.items():
            self._sums[name] += value
        self._count += 1

    def values(self, fabric: Fabric) -> dict[str, float]:
        names = sorted(self._sums)
        sums = torch.tensor([self._sums[name] / self._count for name in names], dtype=torch.float64)
        means = fabric.all_reduce(sums, reduce_op="mean")
        return dict(zip(names, means.tolist(), strict=True))
