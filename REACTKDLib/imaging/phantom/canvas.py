"""A label map that is painted through shapes."""

import numpy as np

from ..geometry import Geometry
from .grids import Box, Point, axes_of, smooth_field
from .settings import PhantomSettings
from .tissues import LABEL

EVERYWHERE: Box = (slice(None), slice(None), slice(None))


class Canvas:
    """A label map on a grid, painted through shapes in the body frame.

    x, y, z: the frame coordinates of each voxel, mm, (D, H, W).
    """

    def __init__(self, geometry: Geometry, rng: np.random.Generator, settings: PhantomSettings):
        axes = axes_of(geometry)
        scale = rng.uniform(*settings.body_scale, 3)
        self.nominal = [axis / size for axis, size in zip(axes, scale, strict=True)]
        self.margin = 4.0 * settings.deformation_mm + 2.0 * max(geometry.spacing)
        grids = np.meshgrid(*[axis.astype(np.float32) for axis in self.nominal], indexing="ij", sparse=True)
        self.z, self.y, self.x = (
            grid + np.float32(settings.deformation_mm) * smooth_field(rng, axes, settings.deformation_length_mm)
            for grid in grids
        )
        self.labels = np.zeros(geometry.shape, np.uint8)

    def box(self, low: np.ndarray, high: np.ndarray) -> Box:
        """Slices that hold the frame's box from `low` to `high` (x, y, z), whatever the deformation."""
        bounds = zip(self.nominal, low[::-1], high[::-1], strict=True)
        return tuple(slice(*np.searchsorted(axis, (a - self.margin, b + self.margin))) for axis, a, b in bounds)

    def radius(self, centre: Point, radii: Point, box: Box = EVERYWHERE) -> np.ndarray:
        """Distance from the centre in units of the radii: 1 on the ellipsoid."""
        pairs = zip((self.x, self.y, self.z), centre, radii, strict=True)
        return np.sqrt(sum(((axis[box] - np.float32(c)) / np.float32(r)) ** 2 for axis, c, r in pairs))

    def ellipsoid(self, centre: Point, *shells: tuple[str, Point]) -> None:
        """Paints concentric ellipsoids: (tissue, radii), the largest first."""
        for tissue, radii in shells:
            box = self.box(np.subtract(centre, radii), np.add(centre, radii))
            self.labels[box][self.radius(centre, radii, box) < 1] = LABEL[tissue]

    def tube(self, tissue: str, start: Point, end: Point, radius: float, only: str | None = None) -> None:
        """Paints a rod with round ends, inside one tissue if `only` is given."""
        start, end = np.asarray(start, np.float32), np.asarray(end, np.float32)
        box = self.box(np.minimum(start, end) - radius, np.maximum(start, end) + radius)
        offsets = [axis[box] - a for axis, a in zip((self.x, self.y, self.z), start, strict=True)]
        along = end - start
        share = sum(o * d for o, d in zip(offsets, along, strict=True)) / np.float32(along @ along)
        share = np.clip(share, 0, 1)
        inside = sum((o - share * d) ** 2 for o, d in zip(offsets, along, strict=True)) < radius**2
        if only is not None:
            inside &= self.labels[box] == LABEL[only]
        self.labels[box][inside] = LABEL[tissue]

    def paint(self, tissue: str, mask: np.ndarray) -> None:
        self.labels[mask] = LABEL[tissue]
