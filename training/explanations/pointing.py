"""Whether attention falls on the lesions.

maps: (B, d, h, w) attention. lesions: (B, d, h, w), the share of each voxel that is lesion. Both raise ValueError where
the two grids differ or a case has no lesion.
"""

import torch
from torch import Tensor

INSIDE = 0.5
"""A voxel is a lesion's where more than this share of it is."""


def pointing_game(maps: Tensor, lesions: Tensor) -> Tensor:
    """Whether the highest attention is in a lesion (Zhang 2018): (B,) bool.

    A lesion too small to have half of any voxel is the voxel with its largest share. Of several equal maxima all have
    to be in a lesion: a map that is the same everywhere points at nothing.
    """
    _check(maps, lesions)
    attention, share = maps.flatten(1), lesions.flatten(1)
    inside = (share > INSIDE) | (share == share.amax(1, keepdim=True))
    highest = attention == attention.amax(1, keepdim=True)
    return (inside | ~highest).all(1)


def share_inside(maps: Tensor, lesions: Tensor) -> Tensor:
    """How much of the positive attention lies in lesions, 0 to 1: (B,); NaN for a case without positive attention."""
    _check(maps, lesions)
    positive = maps.clamp_min(0)
    return (positive * lesions).sum((1, 2, 3)) / positive.sum((1, 2, 3))


def _check(maps: Tensor, lesions: Tensor) -> None:
    if maps.shape != lesions.shape:
        raise ValueError(f"attention {tuple(maps.shape)} and lesions {tuple(lesions.shape)} are on different grids")
    lacking = torch.nonzero(lesions.flatten(1).amax(1) <= 0).squeeze(1).tolist()
    if lacking:
        raise ValueError(f"cases {lacking} of the batch have no lesion to point at; leave them out")
