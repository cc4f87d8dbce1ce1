"""Attention as volumes, to lay over the CT's slices: one value a region, and the finer voxel map."""

import numpy as np
import SimpleITK as sitk
import slicer

from ..imaging.geometry import Geometry
from ..inference.prediction import Prediction
from .regions import LabelMap
from .volumes import add_array_volume, set_window

VOXEL_LIMIT_PERCENTILE = 99.5
"""Of the magnitude over all voxels and classes; one peak must not wash out the rest."""


def region_limit(prediction: Prediction) -> float:
    """Highest magnitude of a region's attention for any class: one range for all classes, so that they compare."""
    return _rounded(max(abs(value) for node in prediction.nodes for value in node.attention)) or 1.0


def voxel_limit(prediction: Prediction) -> float:
    """Likewise for the voxel map."""
    magnitude = np.abs(sitk.GetArrayViewFromImage(prediction.attention))
    return _rounded(float(np.percentile(magnitude, VOXEL_LIMIT_PERCENTILE))) or 1.0


def _rounded(limit: float) -> float:
    """To what a saved scene keeps of a display range."""
    return float(f"{limit:.6g}")


def add_region_attention(
    scene: slicer.vtkMRMLScene, prediction: Prediction, label_map: LabelMap, colors: slicer.vtkMRMLColorNode
) -> tuple[slicer.vtkMRMLScalarVolumeNode, ...]:
    """One volume a class: every voxel of a region holds that region's attention; zero outside.

    label_map: of the prediction, cropped to its regions.
    """
    limit = region_limit(prediction)
    volumes = []
    for index, name in enumerate(prediction.classes):
        values = np.zeros(256, np.float32)
        for node in prediction.nodes:
            values[node.label] = node.attention[index]
        volume = add_array_volume(scene, values[label_map.array], label_map.geometry, f"Region attention: {name}")
        # Values of neighbouring regions must not be mixed at their border.
        volume.GetDisplayNode().InterpolateOff()
        volumes.append(_colored(volume, colors, limit))
    return tuple(volumes)


def add_voxel_attention(
    scene: slicer.vtkMRMLScene, prediction: Prediction, colors: slicer.vtkMRMLColorNode
) -> tuple[slicer.vtkMRMLScalarVolumeNode, ...]:
    """One volume a class, on the feature grid as the model made it; the slices interpolate it."""
    array = sitk.GetArrayViewFromImage(prediction.attention)
    geometry = Geometry.of(prediction.attention)
    limit = voxel_limit(prediction)
    return tuple(
        _colored(add_array_volume(scene, array[..., index], geometry, f"Voxel attention: {name}"), colors, limit)
        for index, name in enumerate(prediction.classes)
    )


def _colored(
    volume: slicer.vtkMRMLScalarVolumeNode, colors: slicer.vtkMRMLColorNode, limit: float
) -> slicer.vtkMRMLScalarVolumeNode:
    volume.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    set_window(volume, 2 * limit, 0.0)
    return volume
