"""Where in a liver lesions lie, and what shape they grow into."""

import numpy as np
import SimpleITK as sitk

from ..geometry import Geometry
from .errors import PhantomError
from .grids import Box, axes_of, lowest, smooth_field
from .settings import PhantomSettings

CLOSING_GAP = 3
"""Voxels of liver between two lesions: one iteration of closing, which fills two, does not join them."""
ATTEMPTS = 40
"""To place a lesion, each somewhat smaller than the last."""
CANDIDATES = 200
"""Places looked at in an attempt."""


class Site:
    """Where in a liver lesions lie, and where more may grow."""

    def __init__(self, liver: np.ndarray, geometry: Geometry, settings: PhantomSettings):
        self.geometry, self.irregularity = geometry, settings.lesion_irregularity
        self.smallest_ml = max(settings.lesion_ml[0], 6 * geometry.voxel_ml)
        self.tumor = np.zeros_like(liver)
        self.free = liver.copy()
        self.voxels = np.argwhere(liver)[:, ::-1]
        outside = geometry.image((~liver).astype(np.uint8))
        distance = sitk.SignedMaurerDistanceMap(outside, squaredDistance=False, useImageSpacing=True)
        self.depth = sitk.GetArrayFromImage(distance)[liver]
        self.gap = [max(CLOSING_GAP, int(np.ceil(settings.lesion_gap_mm / s))) for s in geometry.spacing[::-1]]

    def grow(self, volume_ml: float, rng: np.random.Generator) -> tuple[Box, np.ndarray, np.ndarray]:
        """Adds a lesion of that volume, or a smaller one where there is no room.

        Returns its box; its mask in the box; and the distance from its centre, 1 on its surface, in the box.
        """
        for _ in range(ATTEMPTS):
            radius = float(np.cbrt(3.0 * volume_ml * 1000.0 / (4.0 * np.pi)))
            centre = self._centre(radius, rng)
            box = self._box(centre, 2.0 * radius)
            shape = self._shape(box, centre, radius, rng)
            shape[~self.free[box]] = np.inf
            if not self.free[box].any():
                continue
            mask, level = lowest(shape, round(volume_ml / self.geometry.voxel_ml))
            if mask.sum() * self.geometry.voxel_ml >= 0.8 * volume_ml:
                self._occupy(box, mask)
                return box, mask, shape / level
            volume_ml = max(0.85 * volume_ml, self.smallest_ml)
        raise PhantomError(
            "phantom_crowded", "The liver has no room for its lesions.", "Ask for fewer or smaller ones."
        )

    def _centre(self, radius: float, rng: np.random.Generator) -> np.ndarray:
        """LPS mm: of random voxels, the first so deep that the lesion at most meets the capsule; else the deepest."""
        chosen = rng.integers(len(self.voxels), size=CANDIDATES)
        index = self.voxels[chosen]
        depth = np.where(self.free[tuple(index.T[::-1])], self.depth[chosen], -1.0)
        enough = depth > 0.85 * radius
        best = int(np.argmax(enough if enough.any() else depth))
        return self.geometry.to_world(index[best])

    def _box(self, centre: np.ndarray, reach_mm: float) -> Box:
        index = self.geometry.to_index(centre)[::-1]
        reach = reach_mm / np.array(self.geometry.spacing[::-1]) + 1
        low = np.maximum(np.floor(index - reach).astype(int), 0)
        high = np.minimum(np.ceil(index + reach).astype(int) + 1, self.geometry.shape)
        return tuple(slice(a, b) for a, b in zip(low, high, strict=True))

    def _shape(self, box: Box, centre: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
        """Distance from the centre over the radius, of a randomly turned ellipsoid with an uneven surface."""
        axes = [axis[part] for axis, part in zip(axes_of(self.geometry), box, strict=True)]
        z, y, x = np.meshgrid(*axes, indexing="ij")
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        stretch = np.exp(0.16 * rng.standard_normal(3))
        offsets = (np.stack([x, y, z], axis=-1) - centre) @ turn / (radius * stretch)
        unevenness = self.irregularity * smooth_field(rng, axes, max(0.7 * radius, 4.0))
        return np.linalg.norm(offsets, axis=-1) * np.exp(unevenness)

    def _occupy(self, box: Box, mask: np.ndarray) -> None:
        self.tumor[box] |= mask
        wide = tuple(slice(max(part.start - gap, 0), part.stop + gap) for part, gap in zip(box, self.gap, strict=True))
        tumor = sitk.GetImageFromArray(self.tumor[wide].astype(np.uint8))
        near = sitk.BinaryDilate(tumor, self.gap[::-1], sitk.sitkBox)
        self.free[wide] &= sitk.GetArrayFromImage(near) == 0
