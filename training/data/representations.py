"""The three representations of a batch (method.md, 2.5), made after augmentation."""

import torch
from torch import Tensor

from REACTKDLib.imaging.representations import representations
from REACTKDLib.imaging.spec import REPRESENTATIONS, PreprocessingSpec

NEGLIGIBLE = 1e-6
"""The least standard deviation a PET is divided by, on [0, 1]: one that lost all contrast stays finite."""


def ct_representations(scaled: Tensor, label_map: Tensor, spec: PreprocessingSpec) -> Tensor:
    """(B, 3, D, H, W) of CTs, standardised with the constants of the spec.

    scaled: (B, D, H, W), the HU window on [0, 1]. label_map: (B, D, H, W).
    """
    return torch.stack(representations(scaled, label_map, spec.ct_mean, spec.ct_std, spec.ct_liver_std, spec.zero), 1)


def pet_representations(scaled: Tensor, label_map: Tensor, spec: PreprocessingSpec) -> Tensor:
    """(B, 3, D, H, W) of PETs on [0, 1], each standardised by itself; shapes as for the CT."""
    mean = scaled.mean((1, 2, 3), keepdim=True)
    deviation = scaled.std((1, 2, 3), correction=0, keepdim=True).clamp_min(NEGLIGIBLE)
    return torch.stack(representations(scaled, label_map, mean, deviation, deviation, spec.zero), 1)


def blank_full(images: Tensor, blanked: Tensor) -> Tensor:
    """The images (B, 3, D, H, W) with the representation `full` the constant 0 where `blanked`, (B,) bool."""
    kept = torch.ones(images.shape[:2], device=images.device)
    kept[blanked, REPRESENTATIONS.index("full")] = 0
    return images * kept[:, :, None, None, None]
