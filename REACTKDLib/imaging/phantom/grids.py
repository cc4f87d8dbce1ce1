"""Grids along the patient's axes, and the smooth functions on them that everything is made of."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from ..geometry import Geometry

Box = tuple[slice, slice, slice]
"""Part of an array (D, H, W)."""
Point = Sequence[float] | np.ndarray
"""(x, y, z), mm."""
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
"""Full width at half maximum of a Gaussian, in standard deviations."""


def centred(size: tuple[int, ...], spacing: tuple[float, ...], offset: Point = (0.0, 0.0, 0.0)) -> Geometry:
    """A grid along the patient's axes whose centre is at `offset`, LPS mm."""
    origin = tuple(float(o - 0.5 * (n - 1) * s) for n, s, o in zip(size, spacing, offset, strict=True))
    return Geometry(tuple(size), tuple(spacing), origin)


def axes_of(geometry: Geometry) -> list[np.ndarray]:
    """Voxel positions along z, y and x, LPS mm."""
    triples = zip(geometry.origin, geometry.spacing, geometry.size, strict=True)
    return [origin + spacing * np.arange(size) for origin, spacing, size in triples][::-1]


def lowest(values: np.ndarray, count: int) -> tuple[np.ndarray, float]:
    """The `count` voxels of lowest value, as far as they hang together by faces, and the value that bounds them."""
    finite = np.isfinite(values)
    count = min(count, int(finite.sum()))
    level = float(np.partition(values[finite], count - 1)[count - 1])
    parts = sitk.ConnectedComponent(sitk.GetImageFromArray((values <= level).astype(np.uint8)))
    largest = sitk.RelabelComponent(parts, sortByObjectSize=True) == 1
    return sitk.GetArrayViewFromImage(largest).astype(bool), level


def smooth_field(rng: np.random.Generator, axes: list[np.ndarray], length: float) -> np.ndarray:
    """Gaussian random field (D, H, W) of mean 0 and variance 1 everywhere, varying over `length` mm."""
    bases = []
    for axis in axes:
        knots = np.arange(axis[0] - 2 * length, axis[-1] + 3 * length, length)
        basis = _gaussian(axis, knots, length / np.sqrt(2.0))
        bases.append(basis / np.linalg.norm(basis, axis=1, keepdims=True))
    return separable(rng.standard_normal([basis.shape[1] for basis in bases], dtype=np.float32), bases)


def point_spread(to: np.ndarray, axis: np.ndarray, fwhm: float) -> np.ndarray:
    """Matrix that blurs samples at `axis` (mm) by a Gaussian and reads the result at `to`; never below the sampling."""
    weights = _gaussian(to, axis, max(fwhm / FWHM, 0.3 * (axis[1] - axis[0])))
    return weights / weights.sum(axis=1, keepdims=True)


def separable(array: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
    """Applies one matrix (out, in) along each axis of an array (D, H, W)."""
    along_z, along_y, along_x = (matrix.astype(np.float32) for matrix in matrices)
    return np.tensordot(along_z, along_y @ array @ along_x.T, axes=1)


def _gaussian(to: np.ndarray, positions: np.ndarray, sd: float) -> np.ndarray:
    return np.exp(-0.5 * ((to[:, None] - positions[None]) / sd) ** 2)
