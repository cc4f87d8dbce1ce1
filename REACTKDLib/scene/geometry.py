"""The one place where LPS (SimpleITK, predictions) meets RAS (MRML)."""

from collections.abc import Sequence

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..imaging.geometry import Geometry

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Its own inverse."""


def to_ras(points: np.ndarray) -> np.ndarray:
    """points: (..., 3) LPS mm. Returns (..., 3) RAS mm."""
    return np.asarray(points, float) @ LPS_TO_RAS[:3, :3]


def to_lps(points: np.ndarray) -> np.ndarray:
    """points: (..., 3) RAS mm. Returns (..., 3) LPS mm."""
    return np.asarray(points, float) @ LPS_TO_RAS[:3, :3]


def ijk_to_ras(geometry: Geometry) -> vtk.vtkMatrix4x4:
    """Voxel index (x, y, z) to RAS mm."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy((LPS_TO_RAS @ geometry.index_to_world).ravel())
    return matrix


def geometry_from(matrix: vtk.vtkMatrix4x4, size: Sequence[int]) -> Geometry:
    """In LPS. matrix: voxel index (x, y, z) to RAS mm; a sheared one gives a direction that is not orthonormal.

    size: voxels (x, y, z).
    """
    affine = LPS_TO_RAS @ np.reshape([matrix.GetElement(i, j) for i in range(4) for j in range(4)], (4, 4))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return Geometry(
        size=tuple(size),
        spacing=tuple(spacing.tolist()),
        origin=tuple(affine[:3, 3].tolist()),
        direction=tuple((affine[:3, :3] / spacing).ravel().tolist()),
    )


def image_data(array: np.ndarray) -> vtk.vtkImageData:
    """array: (D, H, W). Returns a copy of it in index space: origin 0, spacing 1, as volume nodes keep it."""
    data = vtk.vtkImageData()
    data.SetDimensions(array.shape[::-1])
    data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True))
    return data


def oriented_image_data(array: np.ndarray, geometry: Geometry) -> slicer.vtkOrientedImageData:
    """array: (D, H, W) on `geometry`. Returns a copy that knows its place, as segments keep it."""
    oriented = slicer.vtkOrientedImageData()
    oriented.ShallowCopy(image_data(array))
    oriented.SetGeometryFromImageToWorldMatrix(ijk_to_ras(geometry))
    return oriented


def array_of(data: vtk.vtkImageData) -> np.ndarray:
    """The voxels (D, H, W), shared with `data`."""
    return vtk_to_numpy(data.GetPointData().GetScalars()).reshape(data.GetDimensions()[::-1])


def set_orientation(slice_node: slicer.vtkMRMLSliceNode, orientation: str) -> None:
    """Axial, Coronal or Sagittal in radiological convention, whatever the scene's own convention is."""
    matrix = vtk.vtkMatrix3x3()
    getattr(slicer.vtkMRMLSliceNode, f"Get{orientation}SliceToRASMatrix")(matrix, True)
    if slice_node.HasSliceOrientationPreset(orientation):
        slice_node.RemoveSliceOrientationPreset(orientation)
    slice_node.AddSliceOrientationPreset(orientation, matrix)
    slice_node.SetOrientation(orientation)
