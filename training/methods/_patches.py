"""Graphs of uniform patches, for the methods that do not know the anatomy."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..losses.edges import edge_loss
from ._maps import on_grid


def patch_vectors(maps: Tensor, patches: tuple[int, int, int]) -> Tensor:
    """Mean feature of each patch: (B, C, d, h, w) to (B, P, C). An axis shorter than its patches has one a voxel."""
    grid = tuple(min(sizes) for sizes in zip(patches, maps.shape[2:], strict=True))
    return on_grid(maps, grid).flatten(2).mT


def patch_edge_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over pairs of patches of ( cos_ij^s − cos_ij^t )².

    student: (B, P, C), teacher: (B, P, C'), patch vectors. No gradient reaches the teacher. Returns a scalar.
    """
    ours, theirs = F.normalize(student, dim=-1), F.normalize(teacher.detach(), dim=-1)
    everywhere = torch.ones(student.shape[:2], dtype=torch.bool, device=student.device)
    return edge_loss(ours @ ours.mT, theirs @ theirs.mT, everywhere)
