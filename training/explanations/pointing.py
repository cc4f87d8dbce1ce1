"""Whether attention falls on the lesions.

maps: (B, d, h, w) attention. lesions: (B, L, d, h, w), the share of each voxel that is in each lesion; zero rows are
padding. Both raise ValueError where the two grids differ or a case has no lesion.
"""

import torch
from torch import Tensor

INSIDE = 0.5
"""A voxel is the lesions' where more than this share of it is."""


def pointing_game(maps: Tensor, lesions: Tensor) -> Tensor:
    """Whether the highest attention is in a lesion (Zhang 2018): (B,), 1 for a hit.

    The voxel with the largest share of a lesion is always in it, however small the lesion. Of several equal maxima,
    such as a block of occlusion's, it is the part that is in a lesion: as often as one of them at random would hit.
    """
    _check(maps, lesions)
    attention, shares = maps.flatten(1), lesions.flatten(2)
    largest = shares.amax(2, keepdim=True)
    inside = (shares.sum(1) > INSIDE) | ((shares == largest) & (largest > 0)).any(1)
    highest = attention == attention.amax(1, keepdim=True)
    return (inside & highest).sum(1) / highest.sum(1)


def share_inside(maps: Tensor, lesions: Tensor) -> Tensor:
    """How much of the positive attention lies in lesions, 0 to 1: (B,); NaN for a case without positive attention."""
    _check(maps, lesions)
    positive = maps.clamp_min(0)
    return (positive * lesions.sum(1)).sum((1, 2, 3)) / positive.sum((1, 2, 3))


def _check(maps: Tensor, lesions: Tensor) -> None:
    if maps.shape != lesions[:, 0].shape:
        raise ValueError(f"attention {tuple(maps.shape)} and lesions {tuple(lesions.shape)} are on different grids")
    lacking = torch.nonzero(lesions.flatten(1).sum(1) <= 0).squeeze(1).tolist()
    if lacking:
        raise ValueError(f"cases {lacking} of the batch have no lesion to point at; leave them out")
