"""A network whose explanation is known, because it was built by hand."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.batch import ModalityBatch, NetworkOutput
from REACTKDLib.networks.head import classify

GRID = (4, 6, 6)
STRIDE = 2
BLOCK = (slice(2, 4), slice(0, 2), slice(4, 6))
"""Where on the grid of the fused map the network looks; 8 of 144 voxels."""
CLASS = 1


class LooksAtOneBlock(nn.Module):
    """The logit of `CLASS` is the mean of the CT over one block; nothing else counts."""

    def __init__(self):
        super().__init__()
        self.register_buffer("block", in_block().float())
        self.head = nn.Linear(1, 3)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[0.0], [in_block().numel() / in_block().sum()], [0.0]]))
            self.head.bias.copy_(torch.tensor([0.3, -1.0, 0.1]))

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        features = F.avg_pool3d(batch.images["ct"][:, :1], STRIDE) * self.block
        return NetworkOutput(classify(self.head, features), features)


def in_block() -> Tensor:
    """(d, h, w) bool."""
    where = torch.zeros(GRID, dtype=torch.bool)
    where[BLOCK] = True
    return where


def bright_block(cases: int = 2, seed: int = 0) -> ModalityBatch:
    """CT of noise from 0 to 1, between 4 and 5 in the block that the network looks at."""
    image = torch.rand(cases, 3, *(STRIDE * n for n in GRID), generator=torch.Generator().manual_seed(seed))
    image += 4 * F.interpolate(in_block()[None, None].float(), scale_factor=STRIDE)
    return ModalityBatch({"ct": image}, {"ct": torch.ones(cases, dtype=torch.bool)})


def of_class(cases: int = 2) -> Tensor:
    return torch.full((cases,), CLASS)
