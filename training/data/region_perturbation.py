"""The regions as another reader might have drawn them: what the student's graph is pooled from (method.md, 4)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from REACTKDLib.imaging.regions import LIVER_LABEL

from .augmentation import feature_stride
from .draws import RegionDraw
from .lost_regions import NEGLIGIBLE

LABELS = 256
"""Values of a label map."""


def perturbed_regions(regions: Tensor, label_map: Tensor, draws: Sequence[RegionDraw]) -> Tensor:
    """Lesions dropped, dilated or eroded by one voxel of the label map, among the 6 neighbours.

    A lesion takes no voxel of another, and of two that reach for the same the larger one, with the lower label, gets
    it. A lesion that erosion would remove stays as it was. The parenchyma's row stays too: the two may overlap by what
    a lesion gained, lesions do not.

    regions: (B, R, d, h, w) soft weights, row r the label r + 1. label_map: (B, D, H, W) uint8. Returns weights of the
    same shape. Raises ValueError where the label map's grid is no multiple of the regions'.
    """
    if not any(draw.dilated or draw.eroded or draw.dropped for draw in draws):
        return regions
    device = regions.device
    dropped = _table([draw.dropped for draw in draws], device)[:, LIVER_LABEL : LIVER_LABEL + regions.shape[1]]
    gained = fractions(_gained(label_map, _table([draw.dilated for draw in draws], device)), regions)
    lost = fractions(_lost(label_map, _table([draw.eroded for draw in draws], device)), regions)
    # What changed is added to the weights, which were averaged from the finer grid of the CT: lesions that did not
    # change are the teacher's to the bit.
    smaller = (regions - lost).clamp_min(0)
    smaller = torch.where(smaller.sum((2, 3, 4), keepdim=True) > NEGLIGIBLE, smaller, regions)
    room = (1 - smaller[:, 1:].sum(1, keepdim=True)).clamp_min(0)
    fitting = (room / gained.sum(1, keepdim=True).clamp_min(NEGLIGIBLE)).clamp_max(1)
    return (smaller + fitting * gained) * ~dropped[:, :, None, None, None]


def perturbed_label_map(label_map: Tensor, draws: Sequence[RegionDraw]) -> Tensor:
    """The same dilations and erosions in the label map itself; what a lesion loses becomes parenchyma.

    label_map: (B, D, H, W) uint8. Returns the same. Raises ValueError where a lesion is to be dropped.
    """
    if any(draw.dropped for draw in draws):
        raise ValueError("perturbed_label_map: lesions change their size, and none is dropped")
    gained = _gained(label_map, _table([draw.dilated for draw in draws], label_map.device))
    lost = _lost(label_map, _table([draw.eroded for draw in draws], label_map.device))
    return torch.where(gained > 0, gained, torch.where(lost > 0, LIVER_LABEL, label_map))


def fractions(label_map: Tensor, regions: Tensor) -> Tensor:
    """The share of each feature voxel that holds each region's label: as `regions`.

    Counted voxel by voxel: masks of all regions on the label map's grid would be the largest tensor of a batch.
    """
    shape = regions.shape
    stride = feature_stride(label_map.shape[1:], shape[2:])
    case, *place = label_map.nonzero(as_tuple=True)
    row = label_map[(case, *place)].long() - LIVER_LABEL
    cells = [index // step for index, step in zip(place, stride, strict=True)]
    flat = case
    for index, size in zip((row, *cells), shape[1:], strict=True):
        flat = flat * size + index
    counts = torch.bincount(flat, minlength=regions.numel()).view(shape)
    return counts / (stride[0] * stride[1] * stride[2])


def _table(labels: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Whether a case's labels hold a value: (B, LABELS) bool."""
    table = torch.zeros(len(labels), LABELS, dtype=torch.bool)
    for row, chosen in zip(table, labels, strict=True):
        row[list(chosen)] = True
    return table.to(device)


def _gained(label_map: Tensor, dilated: Tensor) -> Tensor:
    """The label that takes each voxel by dilation, 0 where none does: (B, D, H, W) uint8."""
    none = LABELS - 1
    reaching = torch.where(_where(dilated, label_map), label_map, none)
    first = torch.full_like(label_map, none)
    for neighbour in _neighbours(reaching, none):
        first = torch.minimum(first, neighbour)
    return torch.where((label_map <= LIVER_LABEL) & (first < none), first, 0)


def _lost(label_map: Tensor, eroded: Tensor) -> Tensor:
    """The label that leaves each voxel by erosion, 0 where none does: (B, D, H, W) uint8."""
    inner = torch.ones_like(label_map, dtype=torch.bool)
    # Beyond the field a lesion continues as it is at the edge.
    for neighbour in _neighbours(label_map, None):
        inner &= neighbour == label_map
    survives = torch.zeros_like(eroded)
    case, *place = (inner & (label_map > LIVER_LABEL)).nonzero(as_tuple=True)
    survives[case, label_map[(case, *place)].long()] = True
    return torch.where(_where(eroded & survives, label_map) & ~inner, label_map, 0)


def _where(table: Tensor, label_map: Tensor) -> Tensor:
    """Whether the table of each voxel's case holds its label: (B, D, H, W) bool."""
    return table.gather(1, label_map.flatten(1).long()).view_as(label_map)


def _neighbours(label_map: Tensor, outside: int | None) -> list[Tensor]:
    """The values of the six neighbours of each voxel; beyond the field `outside`, or the voxel's own where None."""
    shifted = []
    for axis in (1, 2, 3):
        for step in (1, -1):
            values = label_map.roll(step, axis)
            edge = values.select(axis, 0 if step == 1 else -1)
            edge.copy_(label_map.select(axis, 0 if step == 1 else -1)) if outside is None else edge.fill_(outside)
            shifted.append(values)
    return shifted
