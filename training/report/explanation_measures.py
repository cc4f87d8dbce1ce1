"""What attention maps are held to, case by case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from REACTKDLib.networks.attribution import attribute, centre_head
from REACTKDLib.networks.batch import ModalityBatch

from ..data.batch import TrainingBatch, prepare
from ..explanations.curves import area_under, deletion_curve, insertion_curve
from ..explanations.pointing import pointing_game, share_inside
from ..explanations.stability import jittered, rank_agreement
from .networks import HeldOut

JITTERS = 5
"""Readings by another hand, each compared with the first."""


@dataclass(frozen=True)
class AttentionMap:
    """values: (B, d, h, w), of a network, a batch and the class of each case.

    by_region: whether it is given the regions too, and asked whether they keep their order under mask jitter.
    """

    values: Callable[..., Tensor]
    by_region: bool = False


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
            output = of.network(inputs)
        classes = output.logits.argmax(1)
        maps = attention.values(of.network, inputs, classes, *([batch.regions] if attention.by_region else []))
        found["deletion"] += area_under(deletion_curve(of.network, inputs, maps, classes)).tolist()
        found["insertion"] += area_under(insertion_curve(of.network, inputs, maps, classes)).tolist()
        lesions = batch.regions[:, 1:]
        found["pointing"] += pointing_game(maps, lesions).float().tolist()
        found["inside"] += share_inside(maps, lesions).tolist()
        ordered = _agreements(of, batch, output.features, classes) if attention.by_region else [np.nan] * len(maps)
        found["agreement"] += ordered
    return {key: np.array(values) for key, values in found.items()}


@torch.no_grad()
def random_map(network: nn.Module, batch: ModalityBatch, classes: Tensor) -> Tensor:
    """Knows nothing: noise, 0 to 1, another in each case. What a map is worth is how far it is from this one."""
    grid = network(batch).features.shape[2:]
    return torch.rand(batch.size, *grid, generator=torch.Generator().manual_seed(0)).to(batch.device)


@torch.no_grad()
def _agreements(of: HeldOut, batch: TrainingBatch, features: Tensor, classes: Tensor) -> list[float]:
    """Mean over `JITTERS` readings, each read by the network anew: part of what it reads is made with the masks.

    features: of the batch as it is, (B, C, d, h, w).
    """
    (raw,) = of.cases.raw_batches(batch.names, of.evaluation, len(batch.names))
    first = _node_attention(of, features, batch.regions, classes)
    others = []
    for seed in range(JITTERS):
        reading = prepare(jittered(raw, seed), of.device, of.cases.spec)
        student = of.network.architecture.network == "student"
        output = of.network(reading.for_student() if student else reading.for_teacher())
        others.append(_node_attention(of, output.features, reading.regions, classes))
    return [
        float(np.mean([rank_agreement(first[row, there], other[row, there]) for other in others]))
        for row, there in enumerate(batch.regions.flatten(2).any(2))
    ]


def _node_attention(of: HeldOut, features: Tensor, regions: Tensor, classes: Tensor) -> Tensor:
    """(B, R), each case's for its class."""
    nodes = attribute(features, regions, centre_head(of.network.head)).nodes
    return nodes[torch.arange(len(nodes)), :, classes]
