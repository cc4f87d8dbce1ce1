"""Where an image lies in the patient.

Everything here is in LPS millimetres, the convention of SimpleITK, DICOM and ITK. Vectors are (x, y, z);
numpy arrays are (z, y, x), written (D, H, W). RAS appears only in the `scene` layer.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class Geometry:
    """A regular grid: voxel (i, j, k) has its centre at `origin + direction @ (spacing * (i, j, k))`.

    size: voxels along (x, y, z). spacing: mm. origin: LPS mm. direction: 3x3 cosines, row by row.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @classmethod
    def of(cls, image: sitk.Image) -> "Geometry":
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def shape(self) -> tuple[int, int, int]:
        """Array shape (D, H, W)."""
        return self.size[::-1]

    @property
    def voxel_ml(self) -> float:
        return float(np.prod(self.spacing)) / 1000.0

    @property
    def index_to_world(self) -> np.ndarray:
        """4x4 affine from voxel index (x, y, z) to LPS mm."""
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing)
        affine[:3, 3] = self.origin
        return affine

    def to_world(self, index: np.ndarray) -> np.ndarray:
        """index: (..., 3) continuous voxel indices (x, y, z). Returns (..., 3) LPS mm."""
        affine = self.index_to_world
        return np.asarray(index) @ affine[:3, :3].T + affine[:3, 3]

    def to_index(self, world: np.ndarray) -> np.ndarray:
        """world: (..., 3) LPS mm. Returns (..., 3) continuous voxel indices (x, y, z)."""
        affine = np.linalg.inv(self.index_to_world)
        return np.asarray(world) @ affine[:3, :3].T + affine[:3, 3]

    def contains(self, world: np.ndarray) -> np.ndarray:
        """world: (..., 3) LPS mm. Returns (...) bool: whether the volume, voxel edges included, holds the point."""
        index = self.to_index(world)
        return np.all((index >= -0.5) & (index <= np.asarray(self.size) - 0.5), axis=-1)

    def corners(self) -> np.ndarray:
        """The 8 corners of the volume, voxel edges included: (8, 3) LPS mm."""
        edges = [(-0.5, n - 0.5) for n in self.size]
        return self.to_world(np.array(list(product(*edges))))

    def crop(self, box: tuple[slice, slice, slice]) -> "Geometry":
        """Of the part `array[box]`, slices along (D, H, W) with start and stop."""
        origin = self.to_world(np.array([s.start for s in box][::-1]))
        size = tuple(s.stop - s.start for s in box)[::-1]
        return Geometry(size, self.spacing, tuple(origin.tolist()), self.direction)

    def matches(self, other: "Geometry", tolerance_voxels: float = 1e-2) -> bool:
        """Whether both grids put every voxel in the same place, to a fraction of a voxel."""
        if self.size != other.size:
            return False
        slack = tolerance_voxels * min(self.spacing)
        return bool(np.abs(self.corners() - other.corners()).max() <= slack)

    def image(self, array: np.ndarray, is_vector: bool = False) -> sitk.Image:
        """The array (D, H, W), or (D, H, W, K) with `is_vector`, as an image on this grid."""
        image = sitk.GetImageFromArray(array, isVector=is_vector)
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)
        return image

    def to_dict(self) -> dict:
        return {
            "size": list(self.size),
            "spacing_mm": list(self.spacing),
            "origin_lps_mm": list(self.origin),
            "direction": list(self.direction),
        }
