"""Views of the patient along its own axes, so that a picture looks the same however the CT is stored.

Pictures follow the radiological convention: the patient's right is on the picture's left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..imaging import masks
from ..imaging.geometry import Geometry
from .depiction import position_text
from .drawing import HEIGHT, WIDTH

MARGIN_MM = 20.0
"""Around the liver, so that ribs and neighbouring organs give the orientation."""


@dataclass(frozen=True)
class View:
    """Where the picture's right and its bottom are in the patient (LPS), and the letters left, right, top, bottom."""

    name: str
    right: tuple[float, float, float]
    down: tuple[float, float, float]
    letters: str

    @property
    def inward(self) -> np.ndarray:
        """Away from the reader, LPS."""
        return np.cross(self.right, self.down)

    @property
    def axes(self) -> np.ndarray:
        """(3, 3): right, down and inward as columns."""
        return np.column_stack([self.right, self.down, self.inward])

    def position(self, world: Sequence[float]) -> str:
        """Where the slice through an LPS point lies, such as `S 12.0 mm`."""
        return position_text(self.inward, world)


AXIAL = View("axial", (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), "RLAP")
CORONAL = View("coronal", (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), "RLSI")
SAGITTAL = View("sagittal", (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), "APSI")


def row_ends(regions: sitk.Image) -> np.ndarray:
    """First and last region voxel of each image row: (points, 3) LPS mm, as wide as all voxels in every direction."""
    return Geometry.of(regions).to_world(masks.row_ends(sitk.GetArrayViewFromImage(regions) > 0))


def plane_through(view: View, liver: np.ndarray, anchor: np.ndarray) -> Geometry:
    """The slice's grid of square pixels: the liver and a margin, widened to the picture's shape, through `anchor`."""
    projected = liver @ view.axes
    low, high = projected.min(axis=0) - MARGIN_MM, projected.max(axis=0) + MARGIN_MM
    size = np.array([WIDTH, HEIGHT])
    spacing = float(((high - low)[:2] / size).max())
    corner = np.array([*((low + high)[:2] - spacing * (size - 1)) / 2, view.inward @ anchor])
    return Geometry(
        (*map(int, size), 1), (spacing,) * 3, tuple(map(float, view.axes @ corner)), tuple(view.axes.ravel().tolist())
    )
