"""Soft region masks on the feature grid: M_i of method.md, section 4."""

import numpy as np

from .geometry import Geometry
from .regions import Regions

NEGLIGIBLE = 1e-6
"""Voxels per voxel: what counts as no step along an axis."""
ON_EDGE = 1e-4
"""Of a cell: a centre so near to an edge lies on it, and in the cell above, however a file rounds its geometry."""


def region_weights(regions: Regions, grid: Geometry) -> np.ndarray:
    """The volume of each region in each voxel of `grid`, as a fraction of that voxel: float32 (R, D, H, W).

    Voxels of the label map are counted where their centres fall, so that a region of any size keeps its weight.
    """
    source = regions.geometry
    matrix = _index_map(source, grid)
    count, cell_count = len(regions.items), int(np.prod(grid.size))
    rank = np.zeros(256, np.int64)
    rank[list(regions.labels)] = np.arange(count)
    counts = np.zeros(count * cell_count, np.int64)
    for z, plane in enumerate(regions.label_map):  # plane by plane: coordinates of every voxel at once fill the memory
        y, x = np.nonzero(plane)
        cells = _cells((np.full(y.size, z), y, x), matrix, grid)
        where = rank[plane[y, x]] * cell_count + cells
        counts += np.bincount(where[cells >= 0], minlength=counts.size)
    weights = counts.reshape(count, *grid.shape) / _centres_per_cell(source, grid)
    return (weights / np.maximum(weights.sum(axis=0), 1.0)).astype(np.float32)


def _centres_per_cell(source: Geometry, grid: Geometry) -> np.ndarray:
    """How many voxel centres of `source`, continued without end, fall into each cell of `grid`: (D, H, W).

    The number varies from cell to cell with the remainder of the spacings.
    """
    matrix = _index_map(source, grid)
    if (np.abs(matrix[:3, :3]) > NEGLIGIBLE).sum() == 3:
        return np.maximum(_centres_along_axes(matrix, grid), 1)
    reach = source.to_index(grid.corners())
    low, high = np.floor(reach.min(axis=0)).astype(int), np.ceil(reach.max(axis=0)).astype(int) + 1
    xy = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    counts = np.zeros(int(np.prod(grid.size)), np.int64)
    for z in range(low[2], high[2]):
        cells = _cells((np.full(xy[0].size, z), xy[1].ravel(), xy[0].ravel()), matrix, grid)
        counts += np.bincount(cells[cells >= 0], minlength=counts.size)
    return np.maximum(counts.reshape(grid.shape), 1.0)


def _centres_along_axes(matrix: np.ndarray, grid: Geometry) -> np.ndarray:
    """The same where the axes of both grids are parallel: a product of three counts."""
    counts = []
    for axis in (2, 1, 0):
        step = matrix[axis, np.abs(matrix[axis, :3]).argmax()]
        # Counted as `_cells` counts, so that a centre on a cell's edge falls on the same side of it in both.
        start = matrix[axis, 3] + 0.5
        first, last = sorted((-start / step, (grid.size[axis] - start) / step))
        cells = np.floor(start + ON_EDGE + step * np.arange(np.floor(first) - 1, np.ceil(last) + 2)).astype(np.int64)
        inside = cells[(cells >= 0) & (cells < grid.size[axis])]
        counts.append(np.bincount(inside, minlength=grid.size[axis]))
    return counts[0][:, None, None] * counts[1][:, None] * counts[2]


def _index_map(source: Geometry, grid: Geometry) -> np.ndarray:
    """4x4, from voxel index (x, y, z) in `source` to that in `grid`."""
    return np.linalg.inv(grid.index_to_world) @ source.index_to_world


def _cells(zyx: tuple[np.ndarray, ...], matrix: np.ndarray, grid: Geometry) -> np.ndarray:
    """Flat index of the `grid` cell that holds each voxel centre; -1 outside."""
    cells = np.zeros(zyx[0].shape, np.int64)
    outside = np.zeros(zyx[0].shape, bool)
    for axis in (2, 1, 0):
        position = np.full(zyx[0].shape, matrix[axis, 3] + 0.5)
        for step, index in zip(matrix[axis, :3], zyx[::-1], strict=True):
            if abs(step) > NEGLIGIBLE:
                position += step * index
        along = np.floor(position + ON_EDGE).astype(np.int64)
        outside |= (along < 0) | (along >= grid.size[axis])
        cells = cells * grid.size[axis] + along
    cells[outside] = -1
    return cells
