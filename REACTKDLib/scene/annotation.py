"""What a radiologist expects in the margins of a picture: orientation letters, slice position, grade, colours."""

from collections.abc import Sequence

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from .overlay_nodes import Overlay

TEXT_COLOR = (0.93, 0.93, 0.90)
LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Negative and positive direction of each RAS axis."""


def edge_letters(slice_node: slicer.vtkMRMLSliceNode) -> dict[str, str]:
    """The patient's side at each edge of the slice: left, right, bottom, top."""
    matrix = slice_node.GetSliceToRAS()
    columns = [[matrix.GetElement(row, column) for row in range(3)] for column in range(2)]
    (left, right), (bottom, top) = ((_letter(-np.array(c)), _letter(np.array(c))) for c in columns)
    return {"left": left, "right": right, "bottom": bottom, "top": top}


def slice_position(slice_node: slicer.vtkMRMLSliceNode) -> str:
    """Such as "Axial, S 12.5 mm"."""
    matrix = slice_node.GetSliceToRAS()
    normal = np.abs([matrix.GetElement(row, 2) for row in range(3)])
    axis = int(normal.argmax())
    position = matrix.GetElement(axis, 3)
    return f"{slice_node.GetOrientation()}, {LETTERS[axis][int(position >= 0)]} {abs(position):.1f} mm"


def grade_text(overlay: Overlay) -> str:
    """The predicted grade and its probability, and whether the model would rather not say."""
    probability = overlay.probabilities[overlay.grade]
    text = f"{overlay.classes[overlay.grade].capitalize()}  {probability:.0%}"
    if not overlay.abstain:
        return text
    why = "Below the threshold" if overlay.summary.lesions else "No lesion"
    return f"{text}\n{why}: no grade is given"


def add_corner_text(renderer: vtk.vtkRenderer, text: str, font_size: int) -> None:
    """In the upper left corner. font_size: pixels."""
    actor = _text(text, font_size)
    actor.GetTextProperty().SetVerticalJustificationToTop()
    _place(renderer, actor, 0.02, 0.98)


def add_edge_letters(renderer: vtk.vtkRenderer, letters: dict[str, str], font_size: int) -> None:
    """letters: by edge, see `edge_letters`. The lower one stands above the ruler."""
    places = {"left": (0.02, 0.5), "right": (0.98, 0.5), "bottom": (0.5, 0.075), "top": (0.5, 0.98)}
    for edge, (x, y) in places.items():
        actor = _text(letters[edge], font_size)
        style = actor.GetTextProperty()
        style.BoldOn()
        style.SetJustification({"left": 0, "right": 2}.get(edge, 1))
        style.SetVerticalJustification({"bottom": 0, "top": 2}.get(edge, 1))
        _place(renderer, actor, x, y)


def add_color_bar(
    renderer: vtk.vtkRenderer, colors: slicer.vtkMRMLColorTableNode, title: str, limit: float, font_size: int
) -> None:
    """A bar of the colours from -limit to limit in the upper right corner, away from the liver.

    title: two lines.
    """
    width, height = renderer.GetRenderWindow().GetSize()
    bar = (font_size, round(0.2 * height))
    left, bottom = round(0.98 * width) - bar[0], round(0.98 * height) - 4 * font_size - bar[1]
    renderer.AddViewProp(_color_bar_actor(colors, bar, (left, bottom)))
    marks = {f"for  +{limit:.2g}": bar[1], "0": bar[1] / 2, f"against  -{limit:.2g}": 0}
    for text, up in marks.items():
        actor = _text(text, font_size)
        actor.GetTextProperty().SetJustificationToRight()
        actor.GetTextProperty().SetVerticalJustificationToCentered()
        _place(renderer, actor, (left - font_size / 2) / width, (bottom + up) / height)
    heading = _text(title, font_size)
    heading.GetTextProperty().SetJustificationToRight()
    heading.GetTextProperty().SetVerticalJustificationToTop()
    _place(renderer, heading, 0.98, 0.98)


def _color_bar_actor(
    colors: slicer.vtkMRMLColorTableNode, size: tuple[int, int], position: tuple[int, int]
) -> vtk.vtkActor2D:
    """size, position: pixels (x, y)."""
    table = vtk_to_numpy(colors.GetLookupTable().GetTable())[:, :3]
    rows = table[np.linspace(0, len(table) - 1, size[1]).round().astype(int)]
    image = vtk.vtkImageData()
    image.SetDimensions(*size, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.repeat(rows, size[0], axis=0), deep=True))
    mapper = vtk.vtkImageMapper()
    mapper.SetInputData(image)
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.SetPosition(*position)
    return actor


def _letter(direction: Sequence[float]) -> str:
    axis = int(np.abs(direction).argmax())
    return LETTERS[axis][int(direction[axis] > 0)]


def _text(text: str, font_size: int) -> vtk.vtkTextActor:
    actor = vtk.vtkTextActor()
    actor.SetInput(text)
    style = actor.GetTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(font_size)
    style.SetColor(*TEXT_COLOR)
    style.SetLineSpacing(1.2)
    # Readable on bone and bowel too.
    style.SetBackgroundColor(0.0, 0.0, 0.0)
    style.SetBackgroundOpacity(0.45)
    return actor


def _place(renderer: vtk.vtkRenderer, actor: vtk.vtkTextActor, x: float, y: float) -> None:
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(x, y)
    renderer.AddViewProp(actor)
