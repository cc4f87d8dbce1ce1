"""Graphs of uniform patches, for the methods that do not know the anatomy."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ._maps import on_grid


def patch_vectors(maps: Tensor, patches: tuple[int, int, int]) -> Tensor:
    """Mean feature of each patch: (B, C, d, h, w) to (B, P, C). An axis shorter than its patches has one a voxel."""
    grid = tuple(min(sizes) for sizes in zip(patches, maps.shape[2:], strict=True))
    return on_grid(maps, grid).flatten(2).mT


def patch_edge_errors(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over pairs of patches of ( cos_ij^s − cos_ij^t )² in each case.

    student: (B, P, C), teacher: (B, P, C'), patch vectors. No gradient reaches the teacher. Returns (B,).
    """
    ours, theirs = F.normalize(student, dim=-1), F.normalize(teacher.detach(), dim=-1)
    pairs = ~torch.eye(student.shape[1], dtype=torch.bool, device=student.device)
    squares = (ours @ ours.mT - theirs @ theirs.mT).square() * pairs
    return squares.sum((1, 2)) / pairs.sum().clamp_min(1)


def patch_edge_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """`patch_edge_errors`, mean over the batch. Returns a scalar."""
    return patch_edge_errors(student, teacher).mean()
