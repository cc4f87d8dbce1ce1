"""Which region of an overlay is at a place: under the mouse in a 3D view, or at a point of the patient."""

from collections.abc import Sequence
from typing import Protocol

import slicer
import vtk

from .geometry import array_of
from .graph import NODE_ARRAY
from .overlay_nodes import Overlay
from .regions import LIVER

MODEL_MANAGER = "vtkMRMLModelDisplayableManager"
TOLERANCE = 0.002
"""Of the view's diagonal: two pixels of a usual view, for a sphere that is that small."""


class ThreeDView(Protocol):
    """A `qMRMLThreeDView`."""

    def displayableManagerByClassName(self, name: str) -> slicer.vtkMRMLAbstractDisplayableManager: ...


def region_at_display_position(view: ThreeDView, overlay: Overlay, x: int, y: int) -> str | None:
    """The region whose sphere is seen there; None where there is none.

    x, y: pixels from the view's left and bottom, as VTK's interactor has them.
    """
    manager = view.displayableManagerByClassName(MODEL_MANAGER)
    spheres = manager.GetActorByID(overlay.node_model.GetDisplayNode().GetID())
    if spheres is None:
        return None
    # The manager's own picker would find the surface of the liver, which every sphere is in.
    picker = vtk.vtkCellPicker()
    picker.SetTolerance(TOLERANCE)
    picker.PickFromListOn()
    picker.AddPickList(spheres)
    if not picker.Pick(x, y, 0.0, manager.GetRenderer()):
        return None
    surface = picker.GetDataSet()
    point = surface.GetCell(picker.GetCellId()).GetPointId(0)
    return overlay.regions[int(surface.GetPointData().GetArray(NODE_ARRAY).GetValue(point))].id


def region_at(overlay: Overlay, point: Sequence[float]) -> str | None:
    """The region that holds a point in RAS mm, a lesion rather than the liver around it; None outside of all."""
    local = [0.0] * 3
    overlay.segmentation.TransformPointFromWorld(point, local)
    segmentation = overlay.segmentation.GetSegmentation()
    for region_id in sorted((region.id for region in overlay.regions), key=lambda region_id: region_id == LIVER):
        if _holds(segmentation.GetSegment(region_id), local):
            return region_id
    return None


def _holds(segment: slicer.vtkSegment, point: Sequence[float]) -> bool:
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    labels = segment.GetRepresentation(name)
    matrix = vtk.vtkMatrix4x4()
    labels.GetWorldToImageMatrix(matrix)
    extent = labels.GetExtent()
    index = matrix.MultiplyPoint((*point, 1.0))[:3]
    place = [round(c) - low for c, low in zip(index, extent[::2], strict=True)]
    if any(not 0 <= i < n for i, n in zip(place, labels.GetDimensions(), strict=True)):
        return False
    return bool(array_of(labels)[tuple(place[::-1])] == segment.GetLabelValue())
