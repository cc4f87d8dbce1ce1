"""What a radiologist expects in the margins of a picture: orientation letters, slice position, grade, colours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..inference.depiction import position_text
from .geometry import to_lps
from .overlay_nodes import Overlay
from .regions import LIVER
from .views import SliceView

TEXT_COLOR = (0.93, 0.93, 0.90)
BAR_SHARE = 0.125
"""Length of a bar of colours, as a share of the picture's height."""
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
    normal, place = ([matrix.GetElement(row, column) for row in range(3)] for column in (2, 3))
    return f"{slice_node.GetOrientation()}, {position_text(to_lps(normal), to_lps(place))}"


def window_text(ct: slicer.vtkMRMLScalarVolumeNode) -> str:
    """Such as "W 400  L 40", HU."""
    display = ct.GetDisplayNode()
    return f"W {display.GetWindow():.0f}  L {display.GetLevel():.0f}"


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


def add_lesion_names(view: SliceView, overlay: Overlay, font_size: int) -> None:
    """The name of each lesion that a slice cuts, where its outline reaches furthest to the upper right."""
    to_pixels = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(view.node.GetXYToRAS(), to_pixels)
    for region in overlay.regions:
        if region.id == LIVER:
            continue
        outline = _cut(overlay.segmentation, region.id, view.node)
        if not outline.GetNumberOfPoints():
            continue
        points = vtk_to_numpy(outline.GetPoints().GetData()).tolist()
        x, y = max((to_pixels.MultiplyPoint((*point, 1.0))[:2] for point in points), key=sum)
        actor = _text(region.name, font_size)
        actor.SetPosition(x + 0.3 * font_size, y + 0.3 * font_size)
        view.renderer.AddViewProp(actor)


def _cut(
    segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, slice_node: slicer.vtkMRMLSliceNode
) -> vtk.vtkPolyData:
    """A segment's surface where a slice cuts it, in RAS mm."""
    surface = vtk.vtkPolyData()
    segmentation.GetClosedSurfaceRepresentation(segment_id, surface)
    matrix = slice_node.GetSliceToRAS()
    plane = vtk.vtkPlane()
    plane.SetNormal([matrix.GetElement(row, 2) for row in range(3)])
    plane.SetOrigin([matrix.GetElement(row, 3) for row in range(3)])
    cutter = vtk.vtkCutter()
    cutter.SetCutFunction(plane)
    cutter.SetInputData(surface)
    cutter.Update()
    return cutter.GetOutput()


@dataclass(frozen=True)
class Scale:
    """Colours from -limit to limit, and what they are the colours of. rgb: (n, 3) in [0, 1], from -limit on."""

    title: str
    rgb: np.ndarray
    limit: float


def add_scales(renderer: vtk.vtkRenderer, heading: str, scales: Sequence[Scale], font_size: int) -> None:
    """A heading and bars of colours in the upper right corner, away from the liver. Two leave room for the "L"."""
    width, height = renderer.GetRenderWindow().GetSize()
    top = 0.98 * height
    _add_right_aligned(renderer, heading, 0.98 * width, top, font_size)
    for scale in scales:
        top -= 1.7 * font_size
        _add_right_aligned(renderer, scale.title, 0.98 * width, top, font_size)
        bar = (font_size, round(BAR_SHARE * height))
        left, bottom = round(0.98 * width) - bar[0], round(top - 2.0 * font_size - bar[1])
        renderer.AddViewProp(_color_bar_actor(scale.rgb, bar, (left, bottom)))
        marks = {f"for  +{scale.limit:.2g}": bar[1], "0": bar[1] / 2, f"against  -{scale.limit:.2g}": 0}
        for text, up in marks.items():
            middle = bottom + up + 0.5 * font_size
            _add_right_aligned(renderer, text, left - font_size / 2, middle, font_size)
        top = bottom


def _color_bar_actor(rgb: np.ndarray, size: tuple[int, int], position: tuple[int, int]) -> vtk.vtkActor2D:
    """size, position: pixels (x, y)."""
    colors = rgb[np.linspace(0, len(rgb) - 1, size[1]).round().astype(int)]
    rows = (255 * colors).round().astype(np.uint8)
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


def _add_right_aligned(renderer: vtk.vtkRenderer, text: str, right: float, top: float, font_size: int) -> None:
    """right, top: pixels."""
    actor = _text(text, font_size)
    actor.GetTextProperty().SetJustificationToRight()
    actor.GetTextProperty().SetVerticalJustificationToTop()
    actor.SetPosition(right, top)
    renderer.AddViewProp(actor)


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
