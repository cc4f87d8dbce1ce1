"""Attention as volumes, to lay over the CT's slices: one value a region, and the finer voxel map."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import slicer

from ..imaging.geometry import Geometry
from ..inference import depiction
from ..inference.depiction import attention_density, density_limit, sample
from ..inference.prediction import FADE_MM, Prediction
from .regions import LabelMap
from .volumes import add_array_volume, set_window

SPACING_MM = 2.0
"""Of the voxel map: fine enough for the liver's border, coarse enough for a small scene."""


@dataclass(frozen=True)
class VoxelMap:
    """Attention inside the liver. density: logit per `REFERENCE_ML`, float32, (classes, D, H, W) on `geometry`.

    weight: (D, H, W), 1 in every region, 0 beyond the fade; `density` is the model's times this.
    limit: end of the colours.
    """

    density: np.ndarray
    weight: np.ndarray
    geometry: Geometry
    limit: float


def region_limit(prediction: Prediction) -> float:
    """End of the colours of regions, logit."""
    return _range_end(depiction.region_limit(prediction))


def voxel_map(prediction: Prediction, label_map: LabelMap) -> VoxelMap:
    """The model's map, interpolated linearly from the feature grid, in all regions and a short fade around them.

    Over ribs, spine and air it would distract from the liver. What it holds there is no region's attention: it adds up
    to the background attention in the table of the probabilities.

    label_map: of the prediction, cropped to its regions.
    """
    geometry = _around(label_map.geometry)
    weight = _fading_outside(label_map, geometry)
    of_classes = (attention_density(prediction, index) for index in range(len(prediction.classes)))
    density = np.stack([sample(image, geometry, sitk.sitkLinear, 0.0) * weight for image in of_classes])
    return VoxelMap(density, weight, geometry, _range_end(density_limit(prediction)))


def _range_end(limit: float) -> float:
    """Rounded to what a saved scene keeps of a display range, which must not be empty."""
    return float(f"{limit:.6g}") or 1.0


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
    scene: slicer.vtkMRMLScene, attention: VoxelMap, classes: tuple[str, ...], colors: slicer.vtkMRMLColorNode
) -> tuple[slicer.vtkMRMLScalarVolumeNode, ...]:
    """One volume a class; the slices interpolate it."""
    limit = attention.limit
    return tuple(
        _colored(add_array_volume(scene, density, attention.geometry, f"Voxel attention: {name}"), colors, limit)
        for density, name in zip(attention.density, classes, strict=True)
    )


def _around(geometry: Geometry) -> Geometry:
    """A grid of `SPACING_MM` along the same axes, with room for the fade."""
    extent = np.multiply(geometry.size, geometry.spacing) + 2 * FADE_MM
    size = np.ceil(extent / SPACING_MM).astype(int)
    middle = geometry.to_world((np.array(geometry.size) - 1) / 2)
    origin = middle - np.reshape(geometry.direction, (3, 3)) @ ((size - 1) / 2 * SPACING_MM)
    return Geometry(tuple(size.tolist()), (SPACING_MM,) * 3, tuple(origin.tolist()), geometry.direction)


def _fading_outside(label_map: LabelMap, geometry: Geometry) -> np.ndarray:
    """(D, H, W), float32: 1 in every region, falling to 0 at `FADE_MM` from them."""
    regions = label_map.geometry.image((label_map.array > 0).astype(np.uint8))
    inside = geometry.image(sample(regions, geometry, sitk.sitkNearestNeighbor, 0))
    distance = sitk.SignedMaurerDistanceMap(inside, squaredDistance=False, useImageSpacing=True)
    # Distances are to the centres of the border voxels; the border itself lies half a voxel further out.
    outside_mm = sitk.GetArrayFromImage(distance) - SPACING_MM / 2
    return np.clip(1 - outside_mm / FADE_MM, 0, 1).astype(np.float32)


def _colored(
    volume: slicer.vtkMRMLScalarVolumeNode, colors: slicer.vtkMRMLColorNode, limit: float
) -> slicer.vtkMRMLScalarVolumeNode:
    volume.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    set_window(volume, 2 * limit, 0.0)
    return volume
