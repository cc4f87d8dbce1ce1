"""The region graph in 3D: a sphere a region, a tube an edge, a label each."""

from collections.abc import Sequence
from math import pi

import numpy as np
import slicer
import vtk

from ..inference.prediction import Edge
from .label_places import label_places
from .tables import Region
from .viewpoint import picture_axes

SPHERE_RADII_MM = (3.0, 9.0)
"""At no attention and at the highest of all regions and classes."""
SPHERE_SHARE_OF_REGION = 0.6
"""No sphere is wider than this share of the ball that has its region's volume, or it would hide a small lesion."""
TUBE_RADII_MM = (0.4, 1.6)
"""At a similarity of -1 and of 1."""

NODE_ARRAY = "region"
"""Row of the region table, at every point of its sphere: what a pick in 3D finds."""
ATTENTION_ARRAY = "attention"
SIMILARITY_ARRAY = "similarity"
REGION_IDS_ATTRIBUTE = "REACTKD.regions"


def sphere_radius(attention: float, limit: float, volume_ml: float) -> float:
    """mm. Its area grows with |attention| / limit, bounded by SPHERE_RADII_MM and by the region's own size."""
    low, high = SPHERE_RADII_MM
    radius = low + (high - low) * np.sqrt(min(abs(attention) / limit, 1.0))
    return float(min(radius, _bound(volume_ml)))


def _bound(volume_ml: float) -> float:
    equivalent = np.cbrt(3000.0 * volume_ml / (4 * pi))
    return float(np.clip(SPHERE_SHARE_OF_REGION * equivalent, *SPHERE_RADII_MM))


def add_node_model(
    scene: slicer.vtkMRMLScene, colors: slicer.vtkMRMLColorNode, limit: float
) -> slicer.vtkMRMLModelNode:
    """Empty until `set_spheres`."""
    model = _add_model(scene, "Graph nodes", ATTENTION_ARRAY, colors, (-limit, limit))
    model.GetDisplayNode().SetSpecular(0.25)
    return model


def set_spheres(model: slicer.vtkMRMLModelNode, regions: Sequence[Region], class_index: int, limit: float) -> None:
    """Draws the nodes for one class."""
    append = vtk.vtkAppendPolyData()
    for row, region in enumerate(regions):
        value = region.attention[class_index]
        sphere = vtk.vtkSphereSource()
        sphere.SetCenter(region.centroid)
        sphere.SetRadius(sphere_radius(value, limit, region.volume_ml))
        sphere.SetThetaResolution(32)
        sphere.SetPhiResolution(24)
        append.AddInputData(_with_constants(sphere, {NODE_ARRAY: row, ATTENTION_ARRAY: value}))
    append.Update()
    model.SetAndObservePolyData(append.GetOutput())


def add_edge_model(
    scene: slicer.vtkMRMLScene, regions: Sequence[Region], edges: Sequence[Edge], colors: slicer.vtkMRMLColorNode
) -> slicer.vtkMRMLModelNode:
    """Tubes between centroids, thicker and lighter with similarity."""
    model = _add_model(scene, "Graph edges", SIMILARITY_ARRAY, colors, (-1.0, 1.0))
    centroids = {region.id: region.centroid for region in regions}
    append = vtk.vtkAppendPolyData()
    for edge in edges:
        line = vtk.vtkLineSource()
        line.SetPoint1(centroids[edge.source])
        line.SetPoint2(centroids[edge.target])
        tube = vtk.vtkTubeFilter()
        tube.SetInputConnection(line.GetOutputPort())
        tube.SetRadius(float(np.interp(edge.similarity, (-1, 1), TUBE_RADII_MM)))
        tube.SetNumberOfSides(16)
        append.AddInputData(_with_constants(tube, {SIMILARITY_ARRAY: edge.similarity}))
    if edges:
        append.Update()
    model.SetAndObservePolyData(append.GetOutput())
    return model


def show_edges_above(model: slicer.vtkMRMLModelNode, similarity: float) -> None:
    """Hides the edges below a similarity in [-1, 1]; -1 shows all."""
    display = model.GetDisplayNode()
    display.SetThresholdRange(similarity, 1.0)
    display.SetThresholdEnabled(similarity > -1.0)


def edges_shown_above(model: slicer.vtkMRMLModelNode) -> float:
    """The similarity that `show_edges_above` was given last."""
    display = model.GetDisplayNode()
    return display.GetThresholdMin() if display.GetThresholdEnabled() else -1.0


def add_labels(
    scene: slicer.vtkMRMLScene, regions: Sequence[Region], edges: Sequence[Edge]
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """A locked label beside each sphere, in the picture's plane. Control points are in the order of the region table.

    The attribute `REACTKD.regions` lists the region ids in the order of the control points.
    """
    labels = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Graph labels")
    labels.CreateDefaultDisplayNodes()
    for region, corner in zip(regions, _label_corners(regions, edges), strict=True):
        index = labels.AddControlPoint(vtk.vtkVector3d(*corner), region.name)
        labels.SetNthControlPointDescription(index, region.id)
        labels.SetNthControlPointLocked(index, True)
    labels.SetAttribute(REGION_IDS_ATTRIBUTE, " ".join(region.id for region in regions))
    labels.SetLocked(True)
    _style_labels(labels.GetDisplayNode())
    return labels


def _label_corners(regions: Sequence[Region], edges: Sequence[Edge]) -> np.ndarray:
    """Where the lower left corner of each label lies, (n, 3) RAS mm: there a control point has its text."""
    centroids = np.array([region.centroid for region in regions])
    radii = np.array([_bound(region.volume_ml) for region in regions])
    rows = {region.id: row for row, region in enumerate(regions)}
    tubes = [(rows[edge.source], rows[edge.target]) for edge in edges]
    plane = picture_axes()[:2]
    return centroids + label_places(centroids @ plane.T, radii, [region.name for region in regions], tubes) @ plane


def _style_labels(display: slicer.vtkMRMLMarkupsDisplayNode) -> None:
    display.SetTextScale(3.0)
    display.SetUseGlyphScale(False)
    display.SetGlyphSize(0.1)
    display.SetSelectedColor(1.0, 1.0, 1.0)
    display.SetColor(1.0, 1.0, 1.0)
    # A label inside the translucent liver would otherwise be taken for hidden.
    display.SetOccludedVisibility(True)
    display.SetOccludedOpacity(1.0)
    display.SetVisibility2D(False)
    display.SetPropertiesLabelVisibility(False)


def _add_model(
    scene: slicer.vtkMRMLScene,
    name: str,
    array: str,
    colors: slicer.vtkMRMLColorNode,
    scalar_range: tuple[float, float],
) -> slicer.vtkMRMLModelNode:
    model = scene.AddNewNodeByClass("vtkMRMLModelNode", name)
    model.CreateDefaultDisplayNodes()
    display = model.GetDisplayNode()
    display.SetActiveScalar(array, vtk.vtkAssignAttribute.POINT_DATA)
    display.SetScalarVisibility(True)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseManualScalarRange)
    display.SetScalarRange(*scalar_range)
    display.SetVisibility2D(False)
    return model


def _with_constants(source: vtk.vtkPolyDataAlgorithm, values: dict[str, float]) -> vtk.vtkPolyData:
    source.Update()
    surface = source.GetOutput()
    for name, value in values.items():
        array = vtk.vtkDoubleArray()
        array.SetName(name)
        array.SetNumberOfTuples(surface.GetNumberOfPoints())
        array.Fill(value)
        surface.GetPointData().AddArray(array)
    return surface
