"""Colour tables: signed attention, edge similarity and PET."""

import numpy as np
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from ..inference.depiction import fading

SIZE = 256

AGAINST = ((0.10, 0.33, 0.83), (0.38, 0.64, 0.98))
"""Full and half strength. Blue and orange stay apart for every common colour blindness, and on black and grey."""
NEUTRAL = (0.93, 0.93, 0.91)
FOR = ((0.93, 0.39, 0.02), (0.99, 0.71, 0.38))

LIVER_GREY = 0.6
"""Of enhanced liver in the abdominal window."""

_STOPS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_COLORS = np.array([AGAINST[0], AGAINST[1], NEUTRAL, FOR[1], FOR[0]])
_SIMILARITY_COLORS = np.array([(0.36, 0.36, 0.40), (0.55, 0.75, 0.62), (0.80, 1.00, 0.82)])


def attention_color(value: float, limit: float) -> tuple[float, float, float]:
    """RGB in [0, 1] of an attention in [-limit, limit]: blue against the class, white 0, orange for it."""
    share = np.clip(value / limit, -1.0, 1.0)
    return tuple(float(np.interp(share, _STOPS, channel)) for channel in _COLORS.T)


def add_attention_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Opaque, for surfaces and legends."""
    rgb = [np.interp(np.linspace(-1, 1, SIZE), _STOPS, channel) for channel in _COLORS.T]
    return _add_table(scene, "REACT-KD attention", np.column_stack([*rgb, np.ones(SIZE)]))


def add_fading_attention_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """For overlays on the CT: from the grey of the liver to full strength, clear near zero."""
    shares = np.linspace(-1, 1, SIZE)
    strength = fading(shares)[:, None]
    ends = np.where(shares[:, None] < 0, AGAINST[0], FOR[0])
    # A slice takes a colour as there or not, however little alpha it has: only the colour itself can fade.
    return _add_table(
        scene, "REACT-KD attention overlay", np.hstack([LIVER_GREY + (ends - LIVER_GREY) * strength, strength > 0])
    )


def rgb_of(table: slicer.vtkMRMLColorTableNode) -> np.ndarray:
    """(SIZE, 3) in [0, 1]."""
    return vtk_to_numpy(table.GetLookupTable().GetTable())[:, :3] / 255.0


def over_liver(rgb: np.ndarray, opacity: float) -> np.ndarray:
    """The colours as they look there in a slice. rgb: (n, 3) in [0, 1]."""
    return LIVER_GREY + (rgb - LIVER_GREY) * opacity


def add_similarity_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Grey to light green for similarity in [-1, 1]: no hue that attention uses."""
    rgb = [np.interp(np.linspace(0, 1, SIZE), (0, 0.5, 1), channel) for channel in _SIMILARITY_COLORS.T]
    return _add_table(scene, "REACT-KD similarity", np.column_stack([*rgb, np.ones(SIZE)]))


def add_pet_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """White to black."""
    grey = np.linspace(1, 0, SIZE)
    return _add_table(scene, "REACT-KD PET", np.column_stack([grey, grey, grey, np.ones(SIZE)]))


def _add_table(scene: slicer.vtkMRMLScene, name: str, rgba: np.ndarray) -> slicer.vtkMRMLColorTableNode:
    """rgba: (SIZE, 4) in [0, 1]."""
    table = slicer.vtkMRMLColorTableNode()
    table.SetTypeToUser()
    table.SetNumberOfColors(SIZE)
    table.GetLookupTable().SetTableRange(0, SIZE - 1)
    for index, color in enumerate(rgba.tolist()):
        table.SetColor(index, f"{index}", *color)
    table.SetName(scene.GenerateUniqueName(name))
    table.SetAttribute("Category", "REACT-KD")
    return scene.AddNode(table)
