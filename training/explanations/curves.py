"""Deletion and insertion: whether a class's probability follows the attention (Petsiuk 2018)."""

import torch
from torch import Tensor, nn

from REACTKDLib.networks.batch import ModalityBatch

from .erasing import erased

STEPS = 10
TIES_SEED = 0
"""Voxels of equal attention are taken in a shuffled order, not from one corner of the image."""


def deletion_curve(
    network: nn.Module, batch: ModalityBatch, order_map: Tensor, classes: Tensor, steps: int = STEPS
) -> Tensor:
    """The class's probability as voxels are erased by falling attention, 0/steps to steps/steps of them.

    A good map makes it fall early. network: in evaluation mode. order_map: (B, d, h, w), on a grid that may be coarser
    than the images'. classes: (B,) int64. Returns (B, steps + 1).
    """
    ranks = _ranks(order_map)
    return torch.stack([_probability(network, batch, ranks < n, classes) for n in _counts(order_map, steps)], 1)


def insertion_curve(
    network: nn.Module, batch: ModalityBatch, order_map: Tensor, classes: Tensor, steps: int = STEPS
) -> Tensor:
    """The same as all voxels are erased and put back by falling attention: a good map makes it rise early."""
    ranks = _ranks(order_map)
    return torch.stack([_probability(network, batch, ranks >= n, classes) for n in _counts(order_map, steps)], 1)


def area_under(curve: Tensor) -> Tensor:
    """By trapezoids over the share of voxels, 0 to 1. curve: (B, steps + 1). Returns (B,)."""
    return torch.trapezoid(curve, dx=1 / (curve.shape[1] - 1), dim=1)


def _ranks(order_map: Tensor) -> Tensor:
    """Each voxel's place by falling attention, from 0: (B, d, h, w) int64."""
    values = order_map.flatten(1)
    shuffled = torch.randperm(values.shape[1], generator=torch.Generator().manual_seed(TIES_SEED)).to(values.device)
    order = shuffled[values[:, shuffled].argsort(dim=1, descending=True, stable=True)]
    return order.argsort(dim=1).view_as(order_map)


def _counts(order_map: Tensor, steps: int) -> list[int]:
    """Voxels taken at each step."""
    return [round(order_map[0].numel() * step / steps) for step in range(steps + 1)]


@torch.no_grad()
def _probability(network: nn.Module, batch: ModalityBatch, where: Tensor, classes: Tensor) -> Tensor:
    """(B,), with the voxels `where` erased."""
    return network(erased(batch, where)).logits.softmax(1).gather(1, classes[:, None]).squeeze(1)
