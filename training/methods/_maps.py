"""The common ground of two fused maps: one grid, one number of channels."""

from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture


def on_one_grid(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps (B, C, d, h, w), averaged onto the coarser grid along each axis; no gradient reaches the teacher."""
    grid = tuple(min(sizes) for sizes in zip(student.shape[2:], teacher.shape[2:], strict=True))
    return on_grid(student, grid), on_grid(teacher.detach(), grid)


def on_grid(maps: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Maps or region weights (B, n, d, h, w), averaged onto the grid (d', h', w')."""
    return maps if tuple(maps.shape[2:]) == tuple(grid) else F.adaptive_avg_pool3d(maps, tuple(grid))


def halved(maps: Tensor, times: int = 1) -> Tensor:
    """Maps (B, n, d, h, w), each axis averaged down to 1 / 2^times of its length, rounded up."""
    return on_grid(maps, tuple(-(-size // 2**times) for size in maps.shape[2:]))


def projection(student: Architecture, teacher: Architecture) -> nn.Conv3d:
    """The learned 1x1x1 map from the student's channels to the teacher's."""
    return nn.Conv3d(student.width, teacher.width, kernel_size=1, bias=False)


def voxel_vectors(maps: Tensor) -> Tensor:
    """(B, C, d, h, w) to unit vectors (B, d h w, C)."""
    return F.normalize(maps.flatten(2).mT, dim=-1)
