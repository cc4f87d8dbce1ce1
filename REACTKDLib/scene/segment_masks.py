"""Segments of a segmentation node as a mask, whatever they are stored as."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from ..imaging.errors import CaseError
from ..imaging.geometry import Geometry
from ..imaging.masks import Box
from ..imaging.shear import is_sheared, without_shear
from .geometry import array_of, geometry_from, ijk_to_ras
from .world import to_world

LABEL_MAP = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
REFERENCE_GEOMETRY = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()


@dataclass(frozen=True)
class NodeSegment:
    """A segment as a list shows it."""

    id: str
    name: str


@dataclass(frozen=True)
class Mask:
    """array: (D, H, W), uint8, 0 or 1, on `geometry`."""

    array: np.ndarray
    geometry: Geometry


def segments_of(node: slicer.vtkMRMLSegmentationNode) -> tuple[NodeSegment, ...]:
    """In their order."""
    segmentation = node.GetSegmentation()
    return tuple(NodeSegment(id_, segmentation.GetSegment(id_).GetName()) for id_ in segmentation.GetSegmentIDs())


def is_empty(node: slicer.vtkMRMLSegmentationNode, segment_id: str) -> bool:
    """Whether nothing is drawn in the segment."""
    segmentation = node.GetSegmentation()
    segment = segmentation.GetSegment(segment_id)
    kind = segmentation.GetSourceRepresentationName()
    source = segment.GetRepresentation(kind)
    if source is None or source.GetNumberOfPoints() == 0:
        return True
    return kind == LABEL_MAP and not (array_of(source) == segment.GetLabelValue()).any()


def mask_of(node: slicer.vtkMRMLSegmentationNode, segment_ids: Sequence[str], ct: Geometry) -> Mask:
    """The segments' union in the world: on the CT's grid where their voxels are the CT's, else on their own grid.

    The node is left as it is: what is no label map is converted in a copy, on the CT's grid.
    Raises CaseError not_voxels.
    """
    parent = to_world(node)
    segmentation = _with_label_maps(node, segment_ids, ct, parent)
    mask = _on_ct(segmentation, segment_ids, parent, ct) or _merged(segmentation, segment_ids, parent)
    return Mask(*without_shear(mask.array, mask.geometry, is_mask=True)) if is_sheared(mask.geometry) else mask


def _with_label_maps(
    node: slicer.vtkMRMLSegmentationNode, segment_ids: Sequence[str], ct: Geometry, parent: vtk.vtkMatrix4x4
) -> slicer.vtkSegmentation:
    """The node's own segmentation if it is one of label maps."""
    own = node.GetSegmentation()
    if own.GetSourceRepresentationName() == LABEL_MAP:
        return own
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(own.GetSourceRepresentationName())
    for segment_id in segment_ids:
        copy.CopySegmentFromSegmentation(own, segment_id)
    copy.SetConversionParameter(REFERENCE_GEOMETRY, _serialized(ct, parent))
    if not copy.CreateRepresentation(LABEL_MAP, True):
        raise CaseError(
            "not_voxels",
            f"The segmentation '{node.GetName()}' cannot be turned into voxels.",
            "Create its binary labelmap in the module Segmentations.",
        )
    return copy


def _serialized(ct: Geometry, parent: vtk.vtkMatrix4x4) -> str:
    """The CT's grid as segments below `parent` see it."""
    matrix = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(parent, matrix)
    vtk.vtkMatrix4x4.Multiply4x4(matrix, ijk_to_ras(ct), matrix)
    extent = [end for n in ct.size for end in (0, n - 1)]
    return slicer.vtkSegmentationConverter.SerializeImageGeometry(matrix, extent)


def _on_ct(
    segmentation: slicer.vtkSegmentation, segment_ids: Sequence[str], parent: vtk.vtkMatrix4x4, ct: Geometry
) -> Mask | None:
    """None where a segment's voxels are not the CT's, or reach beyond it."""
    array = np.zeros(ct.shape, np.uint8)
    for segment_id in segment_ids:
        segment = segmentation.GetSegment(segment_id)
        image = segment.GetRepresentation(LABEL_MAP)
        if image.IsEmpty():
            continue
        box = _box_in(ct, _geometry(image, parent))
        if box is None:
            return None
        array[box] |= (array_of(image) == segment.GetLabelValue()).view(np.uint8)
    return Mask(array, ct)


def _box_in(ct: Geometry, part: Geometry) -> Box | None:
    """Where in the CT the part's voxels are; None where they are not the same voxels."""
    start = np.rint(ct.to_index(part.origin)).astype(int)
    stop = start + part.size
    if (start < 0).any() or (stop > ct.size).any():
        return None
    box = tuple(slice(a, b) for a, b in zip(start[::-1].tolist(), stop[::-1].tolist(), strict=True))
    return box if ct.crop(box).matches(part) else None


def _merged(segmentation: slicer.vtkSegmentation, segment_ids: Sequence[str], parent: vtk.vtkMatrix4x4) -> Mask:
    """On the grid that the segments have in common."""
    node = slicer.vtkMRMLSegmentationNode()
    node.SetAndObserveSegmentation(segmentation)
    ids = vtk.vtkStringArray()
    for segment_id in segment_ids:
        ids.InsertNextValue(segment_id)
    merged = slicer.vtkOrientedImageData()
    node.GenerateMergedLabelmapForAllSegments(
        merged, slicer.vtkSegmentation.EXTENT_UNION_OF_EFFECTIVE_SEGMENTS, None, ids
    )
    return Mask((array_of(merged) != 0).view(np.uint8), _geometry(merged, parent))


def _geometry(image: slicer.vtkOrientedImageData, parent: vtk.vtkMatrix4x4) -> Geometry:
    """In the world, beginning at the first voxel of the extent."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    vtk.vtkMatrix4x4.Multiply4x4(parent, matrix, matrix)
    first = matrix.MultiplyPoint((*image.GetExtent()[::2], 1.0))
    for axis in range(3):
        matrix.SetElement(axis, 3, first[axis])
    return geometry_from(matrix, image.GetDimensions())
