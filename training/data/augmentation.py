"""Affine and elastic transforms of a batch, on its device (method.md, section 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .lost_regions import restore_labels, restore_weights
from .transforms import SPLINE_SUPPORT, CaseTransform


@dataclass(frozen=True)
class Volumes:
    """What a transform moves.

    images: modality -> (B, D, H, W) float32. label_map: (B, D, H, W) uint8. regions: (B, R, d, h, w) float32, row r
    the label r + 1.
    """

    images: Mapping[str, Tensor]
    label_map: Tensor
    regions: Tensor


def augment(volumes: Volumes, transforms: Sequence[CaseTransform]) -> Volumes:
    """Each case moved by its transform: images and regions by linear interpolation, labels by the nearest voxel.

    What is beyond the field is taken to be as at its edge. A region that is within the field is never lost, however
    small. A case that is not moved is returned as it was, to the bit.
    Raises ValueError where the network's grid is no multiple of the regions'.
    """
    rows = [row for row, transform in enumerate(transforms) if not transform.is_identity]
    if not rows:
        return volumes
    moved = torch.tensor(rows, device=volumes.label_map.device)
    grid = sampling_grid([transforms[row] for row in rows], volumes.label_map.shape[1:], moved.device)
    feature_grid = _averaged(grid, volumes.regions.shape[2:])
    images = torch.stack(list(volumes.images.values()), 1)
    original = Volumes({}, _rows(volumes.label_map, moved), _rows(volumes.regions, moved))
    labels = _sample(original.label_map[:, None].float(), grid, "nearest")[:, 0].to(torch.uint8)
    weights = _sample(original.regions, feature_grid, "bilinear")
    images = _replaced(images, moved, _sample(_rows(images, moved), grid, "bilinear"))
    return Volumes(
        dict(zip(volumes.images, images.unbind(1), strict=True)),
        _replaced(volumes.label_map, moved, restore_labels(labels, original.label_map, grid)),
        _replaced(volumes.regions, moved, restore_weights(weights, original.regions, feature_grid)),
    )


def sampling_grid(transforms: Sequence[CaseTransform], shape: Sequence[int], device: torch.device) -> Tensor:
    """Where the value of each voxel comes from: (B, D, H, W, 3), (x, y, z) from -1 to 1 between the field's faces.

    shape: (D, H, W).
    """
    # From here on (x, y, z), as `grid_sample` asks; what is drawn is (z, y, x).
    matrices = torch.from_numpy(np.stack([transform.matrix[::-1] for transform in transforms])).to(device)
    z, y, x = ((2 * torch.arange(n, device=device) + 1) / n - 1 for n in shape)
    along_z, along_y, along_x, constant = matrices[:, None, None, None].unbind(-1)
    # Summed axis by axis, the largest tensor is written twice only.
    grid = z[:, None, None, None] * along_z + (y[:, None, None] * along_y + (x[:, None] * along_x + constant))
    elastic = np.stack([transform.elastic[::-1] for transform in transforms])
    if elastic.any():
        grid += _spline(torch.from_numpy(elastic).to(device), (z, y, x))
    return grid


def feature_stride(shape: Sequence[int], feature_shape: Sequence[int]) -> tuple[int, int, int]:
    """Voxels (D, H, W) of the network's grid to one of the regions'. Raises ValueError where they do not divide."""
    if any(n % m for n, m in zip(shape, feature_shape, strict=True)):
        raise ValueError(
            f"the grid {tuple(shape)} is no multiple of the regions' {tuple(feature_shape)}; "
            "choose a grid that the feature stride divides"
        )
    return tuple(n // m for n, m in zip(shape, feature_shape, strict=True))


def _spline(points: Tensor, axes: Sequence[Tensor]) -> Tensor:
    """The cubic B-spline with these control points, at the products of `axes`.

    points: (B, 3, n, n, n). axes: positions from -1 to 1 along z, y and x. Returns (B, D, H, W, 3).
    """
    intervals = points.shape[-1] - SPLINE_SUPPORT
    numbers = torch.arange(points.shape[-1], device=points.device) - 1
    z, y, x = (_cubic((axis[:, None] + 1) / 2 * intervals - numbers) for axis in axes)
    return torch.einsum("bcijk,zi,yj,xk->bzyxc", points, z, y, x)


def _cubic(distance: Tensor) -> Tensor:
    """Weight of a control point of the uniform cubic B-spline, at a distance in intervals."""
    distance = distance.abs()
    near, far = 2 / 3 - distance**2 + distance**3 / 2, (2 - distance).clamp_min(0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def _averaged(grid: Tensor, feature_shape: Sequence[int]) -> Tensor:
    """The mean position over each feature voxel: (B, d, h, w, 3)."""
    stride = feature_stride(grid.shape[1:4], feature_shape)
    return F.avg_pool3d(grid.movedim(-1, 1), stride).movedim(1, -1)


def _sample(volumes: Tensor, grid: Tensor, mode: str) -> Tensor:
    """volumes: (B, C, D, H, W). grid: (B, D', H', W', 3). Returns (B, C, D', H', W')."""
    return F.grid_sample(volumes, grid, mode=mode, padding_mode="border", align_corners=False)


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    return values if len(rows) == len(values) else values[rows]


def _replaced(values: Tensor, rows: Tensor, new: Tensor) -> Tensor:
    return new if len(rows) == len(values) else values.index_copy(0, rows, new)
