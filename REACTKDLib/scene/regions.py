"""The regions of a prediction as a segmentation: one segment each, with a surface."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import slicer

from ..imaging.geometry import Geometry
from ..inference.prediction import Prediction
from .colors import attention_color
from .geometry import oriented_image_data

LIVER = "liver"
SMOOTHING = "0.3"
"""Keeps a lesion of 2 mL within a tenth of its volume; Slicer's default, 0.5, leaves a quarter of it."""
LIVER_OPACITY = 0.2
LESION_OPACITY = 0.38
"""Of the surface, so that the graph's spheres show through."""

TERMINOLOGY = "Segmentation category and type - 3D Slicer General Anatomy list"
ANATOMY = "Anatomic codes - DICOM master list"
LIVER_CODE = "SCT^10200004^Liver"
LIVER_TERMINOLOGY = f"{TERMINOLOGY}~SCT^123037004^Anatomical Structure~{LIVER_CODE}~^^~{ANATOMY}~^^~^^"
LESION_TERMINOLOGY = (
    f"{TERMINOLOGY}~SCT^49755003^Morphologically Altered Structure~SCT^86049000^Neoplasm, Primary~^^"
    f"~{ANATOMY}~{LIVER_CODE}~^^"
)


@dataclass(frozen=True)
class LabelMap:
    """array: (D, H, W), uint8, on `geometry`; 0 background, else `Node.label`."""

    array: np.ndarray
    geometry: Geometry


def add_segmentation(
    scene: slicer.vtkMRMLScene, prediction: Prediction, label_map: LabelMap, ct: slicer.vtkMRMLScalarVolumeNode
) -> slicer.vtkMRMLSegmentationNode:
    """Segment ids are `Node.id`. The liver's segment is the whole organ: its surface has no holes at the lesions.

    label_map: of the prediction, cropped to its regions; the lesions share it, so that the scene stays small.
    """
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Regions")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    segmentation = node.GetSegmentation()
    # A label without a segment of its own would be outlined in a colour of chance.
    of_lesions = np.isin(label_map.array, [region.label for region in prediction.lesions])
    labels = oriented_image_data(label_map.array * of_lesions, label_map.geometry)
    organ = oriented_image_data((label_map.array > 0).astype(np.uint8), label_map.geometry)
    organ_ml = sum(region.volume_ml for region in prediction.nodes)
    for region in prediction.nodes:
        is_liver = region.id == LIVER
        name = f"{region.name} with lesions" if is_liver and prediction.lesions else region.name
        segment = _segment(organ, 1) if is_liver else _segment(labels, region.label)
        segment.SetName(f"{name} ({organ_ml if is_liver else region.volume_ml:.1f} mL)")
        segment.SetTag(segment.GetTerminologyEntryTagName(), LIVER_TERMINOLOGY if is_liver else LESION_TERMINOLOGY)
        segmentation.AddSegment(segment, region.id)
    # Surface nets give the surface of flying edges to a fraction of a voxel, several times faster. They must not be
    # smoothed jointly: that leaves the surfaces of segments that share a label map empty.
    segmentation.SetConversionParameter("Conversion method", "1")
    segmentation.SetConversionParameter("Smoothing factor", SMOOTHING)
    node.CreateClosedSurfaceRepresentation()
    _set_opacities(node)
    node.AddDefaultStorageNode()
    # Saving the segments on the whole CT's grid takes most of the time that saving the scene does.
    node.GetStorageNode().CropToMinimumExtentOn()
    return node


def cropped_regions(regions: sitk.Image, margin: int = 1) -> LabelMap:
    """The label map around its regions, `margin` voxels wider where the image goes on."""
    array = sitk.GetArrayViewFromImage(regions)
    low, high = [], []
    for axis in range(3):
        present = np.flatnonzero(array.any(axis=tuple({0, 1, 2} - {axis})))
        low.append(int(max(present[0] - margin, 0)))
        high.append(int(min(present[-1] + 1 + margin, array.shape[axis])))
    crop = array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].copy()
    whole = Geometry.of(regions)
    origin = tuple(whole.to_world(low[::-1]).tolist())
    return LabelMap(crop, replace(whole, size=crop.shape[::-1], origin=origin))


def color_regions(segmentation: slicer.vtkMRMLSegmentationNode, attention: Mapping[str, float], limit: float) -> None:
    """attention: by segment id, in [-limit, limit]."""
    for segment_id, value in attention.items():
        segmentation.GetSegmentation().GetSegment(segment_id).SetColor(attention_color(value, limit))


def _segment(labels: slicer.vtkOrientedImageData, label: int) -> slicer.vtkSegment:
    segment = slicer.vtkSegment()
    segment.SetLabelValue(label)
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segment.AddRepresentation(name, labels)
    return segment


def _set_opacities(node: slicer.vtkMRMLSegmentationNode) -> None:
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(False)
    display.SetSliceIntersectionThickness(2)
    display.SetAmbient(0.25)
    for segment_id in node.GetSegmentation().GetSegmentIDs():
        display.SetSegmentOpacity3D(segment_id, LIVER_OPACITY if segment_id == LIVER else LESION_OPACITY)
