"""Colour tables: signed attention, edge similarity and PET."""

import numpy as np
import slicer

SIZE = 256

AGAINST = ((0.10, 0.33, 0.83), (0.38, 0.64, 0.98))
"""Full and half strength. Blue and orange stay apart for every common colour blindness, and on black and grey."""
NEUTRAL = (0.93, 0.93, 0.91)
FOR = ((0.93, 0.39, 0.02), (0.99, 0.71, 0.38))

CLEAR_BELOW = 0.15
"""Share of the range that is fully transparent in slices, so that the CT shows where attention is near zero."""
OPAQUE_ABOVE = 0.60
"""Share of the range from which a slice overlay has its full opacity."""

_STOPS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_COLORS = np.array([AGAINST[0], AGAINST[1], NEUTRAL, FOR[1], FOR[0]])
_SIMILARITY_COLORS = np.array([(0.36, 0.36, 0.40), (0.55, 0.75, 0.62), (0.80, 1.00, 0.82)])


def attention_color(value: float, limit: float) -> tuple[float, float, float]:
    """RGB in [0, 1] of an attention in [-limit, limit]: blue against the class, white 0, orange for it."""
    share = np.clip(value / limit, -1.0, 1.0)
    return tuple(float(np.interp(share, _STOPS, channel)) for channel in _COLORS.T)


def add_attention_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Opaque, for surfaces and legends."""
    return _add_table(scene, "REACT-KD attention", _attention_rgba(fading=False))


def add_fading_attention_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """The same colours, clear near zero, for overlays on the CT."""
    return _add_table(scene, "REACT-KD attention overlay", _attention_rgba(fading=True))


def add_similarity_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Grey to light green for similarity in [-1, 1]: no hue that attention uses."""
    rgb = [np.interp(np.linspace(0, 1, SIZE), (0, 0.5, 1), channel) for channel in _SIMILARITY_COLORS.T]
    return _add_table(scene, "REACT-KD similarity", np.column_stack([*rgb, np.ones(SIZE)]))


def add_pet_colors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """White to black."""
    grey = np.linspace(1, 0, SIZE)
    return _add_table(scene, "REACT-KD PET", np.column_stack([grey, grey, grey, np.ones(SIZE)]))


def _attention_rgba(fading: bool) -> np.ndarray:
    shares = np.linspace(-1, 1, SIZE)
    alpha = np.interp(np.abs(shares), (CLEAR_BELOW, OPAQUE_ABOVE), (0, 1)) if fading else np.ones(SIZE)
    return np.column_stack([*(np.interp(shares, _STOPS, channel) for channel in _COLORS.T), alpha])


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
