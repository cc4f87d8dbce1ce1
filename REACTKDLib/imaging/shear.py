"""Grids whose axes are not at right angles, as an affine registration leaves them."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from .geometry import Geometry

TOLERANCE_VOXELS = 0.1
"""Of a corner. What rounding leaves of the direction cosines is far less, a shear that matters far more."""

DIGITS = 15
"""Of a direction cosine, after the point."""


def is_sheared(geometry: Geometry) -> bool:
    """Whether `direction` is not orthonormal, so that spacing alone does not tell the volume of a voxel."""
    return not replace(geometry, direction=_nearest_right_angles(geometry)).matches(geometry, TOLERANCE_VOXELS)


def straight(image: sitk.Image, is_mask: bool = False) -> sitk.Image:
    """The image itself, or as `without_shear` makes it where its grid is sheared."""
    geometry = Geometry.of(image)
    if not is_sheared(geometry):
        return image
    array, box = without_shear(sitk.GetArrayViewFromImage(image), geometry, is_mask)
    return box.image(array)


def without_shear(array: np.ndarray, geometry: Geometry, is_mask: bool = False) -> tuple[np.ndarray, Geometry]:
    """The same image on the smallest box at right angles that holds it, along the axes nearest its own.

    array: (D, H, W) on `geometry`. An image is interpolated linearly, with its minimum in the corners that it leaves
    open; a mask keeps its values, with zero there.
    """
    box = _box_around(geometry)
    interpolator, outside = (sitk.sitkNearestNeighbor, 0.0) if is_mask else (sitk.sitkLinear, float(array.min()))
    # ITK inverts a direction by a decomposition that fails on denormal numbers.
    image = replace(geometry, direction=tuple(np.round(geometry.direction, DIGITS).tolist())).image(array)
    grid = (box.size, sitk.Transform(), interpolator, box.origin, box.spacing, box.direction)
    return sitk.GetArrayFromImage(sitk.Resample(image, *grid, outside)), box


def _nearest_right_angles(geometry: Geometry) -> tuple[float, ...]:
    """The orthonormal direction nearest `direction`, of the same handedness (polar decomposition)."""
    left, _, right = np.linalg.svd(np.reshape(geometry.direction, (3, 3)))
    return tuple((left @ right).ravel().tolist())


def _box_around(geometry: Geometry) -> Geometry:
    direction = _nearest_right_angles(geometry)
    axes = np.reshape(direction, (3, 3))
    corners = geometry.corners() @ axes
    low, extent = corners.min(0), np.ptp(corners, axis=0)
    size = np.ceil(extent / geometry.spacing - 1e-6).astype(int)
    first = low + (extent - (size - 1) * geometry.spacing) / 2
    return Geometry(tuple(size.tolist()), geometry.spacing, tuple((axes @ first).tolist()), direction)
