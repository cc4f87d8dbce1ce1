"""What attention maps are held to, case by case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from REACTKDLib.networks.batch import ModalityBatch

from ..data.batch import TrainingBatch, prepare
from ..explanations.curves import area_under, deletion_curve, insertion_curve
from ..explanations.pointing import pointing_game, share_inside
from ..explanations.stability import jittered, rank_agreement
from .networks import HeldOut

JITTERS = 5
"""Readings by another hand, each compared with the first, unless a map takes fewer."""


@dataclass(frozen=True)
class AttentionMap:
    """values: (B, d, h, w), of a network, a batch and the class of each case.

    filled_with: of a map that fills regions, and is given them too: the map whose sums over regions it fills them with.
    readings: by another hand, in which the regions have to keep their order.
    """

    values: Callable[..., Tensor]
    filled_with: Callable[..., Tensor] | None = None
    readings: int = JITTERS

    def of(self, network: nn.Module, inputs: ModalityBatch, classes: Tensor, regions: Tensor) -> Tensor:
        """(B, d, h, w). regions: (B, R, d, h, w)."""
        return self.values(network, inputs, classes, *([regions] if self.filled_with else []))

    def by_region(self, network: nn.Module, inputs: ModalityBatch, classes: Tensor, regions: Tensor) -> Tensor:
        """(B, R): the map's sum over each region, as a node's attention is the sum of its voxels'."""
        maps = (self.filled_with or self.values)(network, inputs, classes)
        return torch.einsum("bdhw,brdhw->br", maps, regions.float())


@dataclass(frozen=True)
class Measure:
    """key: in CSV. percent: whether people read it so."""

    key: str
    title: str
    percent: bool = False


MEASURES = (
    Measure("deletion", "Deletion area (lower is better)"),
    Measure("insertion", "Insertion area (higher is better)"),
    Measure("pointing", "Pointing game, % hits", True),
    Measure("inside", "Positive attention inside lesions, %", True),
    Measure("agreement", "Rank agreement under mask jitter"),
)


def measured(of: HeldOut, attention: AttentionMap, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Each measure's values, (N,), NaN where a case has none."""
    found: dict[str, list[float]] = {measure.key: [] for measure in MEASURES}
    for batch, inputs in of.batches(names):
        with torch.no_grad():
            classes = of.network(inputs).logits.argmax(1)
        maps = attention.of(of.network, inputs, classes, batch.regions)
        found["deletion"] += area_under(deletion_curve(of.network, inputs, maps, classes)).tolist()
        found["insertion"] += area_under(insertion_curve(of.network, inputs, maps, classes)).tolist()
        lesions = batch.regions[:, 1:]
        found["pointing"] += pointing_game(maps, lesions).float().tolist()
        found["inside"] += share_inside(maps, lesions).tolist()
        found["agreement"] += _agreements(of, attention, batch, classes)
    return {key: np.array(values) for key, values in found.items()}


@torch.no_grad()
def random_map(network: nn.Module, batch: ModalityBatch, classes: Tensor) -> Tensor:
    """Knows nothing: noise, 0 to 1, another in each case. What a map is worth is how far it is from this one."""
    grid = network(batch).features.shape[2:]
    return torch.rand(batch.size, *grid, generator=torch.Generator().manual_seed(0)).to(batch.device)


def _agreements(of: HeldOut, attention: AttentionMap, batch: TrainingBatch, classes: Tensor) -> list[float]:
    """Mean over readings, each read by the network anew: part of what it reads is made with the masks."""
    (raw,) = of.cases.raw_batches(batch.names, of.evaluation, len(batch.names))

    def regional(reading: TrainingBatch) -> Tensor:
        return attention.by_region(of.network, of.read(reading), classes, reading.regions)

    first = regional(batch)
    others = [regional(prepare(jittered(raw, seed), of.device, of.cases.spec)) for seed in range(attention.readings)]
    return [
        float(np.mean([rank_agreement(first[row, there], other[row, there]) for other in others]))
        for row, there in enumerate(batch.regions.flatten(2).any(2))
    ]
