"""Where nodes lie in the world, their parent transforms applied."""

from dataclasses import replace

import numpy as np
import slicer
import vtk

from ..imaging.geometry import Geometry
from ..imaging.shear import is_sheared, without_shear
from .geometry import array_of, geometry_from

DIGITS = 15
"""Significant ones that every number keeps on its way through the application, which inverts matrices when it reads."""


def is_linear(node: slicer.vtkMRMLTransformableNode) -> bool:
    """Whether a matrix says all that moves the node."""
    parent = node.GetParentTransformNode()
    return parent is None or bool(parent.IsTransformToWorldLinear())


def to_world(node: slicer.vtkMRMLTransformableNode) -> vtk.vtkMatrix4x4:
    """The node's own RAS mm to the world's. The node must be `is_linear`."""
    matrix = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(node.GetParentTransformNode(), None, matrix)
    return matrix


def world_geometry(volume: slicer.vtkMRMLVolumeNode) -> Geometry:
    """In LPS. A sheared volume has a direction that is not orthonormal."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    vtk.vtkMatrix4x4.Multiply4x4(to_world(volume), matrix, matrix)
    return geometry_from(matrix, volume.GetImageData().GetDimensions())


def world_voxels(volume: slicer.vtkMRMLVolumeNode) -> tuple[np.ndarray, Geometry]:
    """Voxels (D, H, W) and where they lie in the world, at right angles."""
    array, geometry = array_of(volume.GetImageData()), world_geometry(volume)
    return without_shear(array, geometry) if is_sheared(geometry) else (array, geometry)


def without_noise(geometry: Geometry) -> Geometry:
    """To `DIGITS`: a file's 0.703125 mm, which the application reads as 0.7031249999999999, is 0.703125 again.

    Without it, a result would differ in its last digit from that of the file.
    """
    rounded = {name: tuple(map(_rounded, getattr(geometry, name))) for name in ("spacing", "origin", "direction")}
    return replace(geometry, **rounded)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
