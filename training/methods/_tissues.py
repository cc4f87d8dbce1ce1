"""The tissues of a case, for methods whose originals compare semantic classes."""

import torch
from torch import Tensor

TISSUES = 3
"""Background, liver parenchyma and lesions."""


def tissue_classes(regions: Tensor) -> Tensor:
    """Background, liver parenchyma and all lesions: (B, R, d, h, w), row 0 the parenchyma, to (B, 3, d, h, w)."""
    liver, lesions = regions[:, :1], regions[:, 1:].sum(1, keepdim=True)
    return torch.cat([(1 - liver - lesions).clamp_min(0), liver, lesions], 1)
