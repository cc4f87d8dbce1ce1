"""Regions that fall between the voxels of an augmented volume keep the voxel that comes nearest to them."""

import torch
from torch import Tensor

from REACTKDLib.imaging.regions import LIVER_LABEL

WITHIN_REACH = 1.5
"""Voxels between a region's centre and the nearest sample, along any axis, beyond which it has left the field: half
of the distance between samples in a volume that is shrunk to a third, which augmentation does not do."""
NEGLIGIBLE = 1e-6
"""Weight below which a region counts as lost, in feature voxels."""


def restore_labels(label_map: Tensor, original: Tensor, grid: Tensor) -> Tensor:
    """The label map with the regions it lacks, each at one voxel that no lesion holds.

    label_map: (B, D, H, W) uint8, `original` sampled at `grid`, (B, D, H, W, 3) as `sampling_grid`. Returns a new map.
    """
    restored = label_map.clone()
    for case, label in (_holds(original) & ~_holds(label_map)).nonzero().tolist():
        voxel = _nearest((original[case] == label).float(), grid[case], restored[case] <= LIVER_LABEL)
        if voxel is not None:
            restored[case][voxel] = label
    return restored


def restore_weights(weights: Tensor, original: Tensor, grid: Tensor) -> Tensor:
    """The regions' weights, where a region that has none left gets what it had, half a voxel at most, in one voxel.

    weights: (B, R, d, h, w), `original` sampled at `grid`, (B, d, h, w, 3) as `sampling_grid`. Returns new weights;
    those of a voxel that sum to at most 1 still do.
    """
    restored = weights.clone()
    lost = (original.sum((2, 3, 4)) > NEGLIGIBLE) & (weights.sum((2, 3, 4)) <= NEGLIGIBLE)
    for case, row in lost.nonzero().tolist():
        voxel = _nearest(original[case, row], grid[case], torch.ones_like(original[case, row], dtype=torch.bool))
        if voxel is not None:
            # Half, so that the regions that are there keep their share, also of their only voxel.
            weight = original[case, row].sum().clamp_max(0.5)
            restored[case][(slice(None), *voxel)] *= 1 - weight
            restored[case][(row, *voxel)] = weight
    return restored


def _holds(label_map: Tensor) -> Tensor:
    """Whether each case's map holds each label: (B, 256) bool."""
    table = torch.zeros(len(label_map), 256, dtype=torch.bool, device=label_map.device)
    return table.scatter_(1, label_map.flatten(1).long(), True)


def _nearest(mask: Tensor, grid: Tensor, free: Tensor) -> tuple[int, int, int] | None:
    """The free voxel whose sample comes nearest to the centre of `mask`; None where none comes near.

    mask, free: (D, H, W). grid: (D, H, W, 3).
    """
    shape = torch.tensor(mask.shape, device=mask.device)
    places = mask.nonzero()
    share = mask[tuple(places.mT)]
    centre = (share[:, None] * places).sum(0) / share.sum()
    distances = (((grid.flip(-1) + 1) * shape - 1) / 2 - centre).abs().amax(-1)
    if distances.min() > WITHIN_REACH:
        return None
    nearest = distances.masked_fill(~free, torch.inf).argmin()
    return tuple(place.item() for place in torch.unravel_index(nearest, distances.shape))
