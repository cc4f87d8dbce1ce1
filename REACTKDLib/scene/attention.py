"""Attention as volumes, to lay over the CT's slices: one value a region, and the finer voxel map."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import slicer

from ..imaging.geometry import Geometry
from ..inference.prediction import FADE_MM, REFERENCE_ML, Prediction
from .regions import LabelMap
from .volumes import add_array_volume, set_window

SPACING_MM = 2.0
"""Of the voxel map: fine enough for the liver's border, coarse enough for a small scene."""
VOXEL_LIMIT_PERCENTILE = 99.5
"""Of the magnitude over the liver's voxels and all classes; one peak must not wash out the rest."""


@dataclass(frozen=True)
class VoxelMap:
    """Attention inside the liver. density: logit per `REFERENCE_ML`, float32, (classes, D, H, W) on `geometry`.

    weight: (D, H, W), 1 in every region, 0 beyond the fade; `density` is the model's times this.
    """

    density: np.ndarray
    weight: np.ndarray
    geometry: Geometry

    @property
    def limit(self) -> float:
        """End of the colour range, one for all classes, so that they compare."""
        magnitude = np.abs(self.density[:, self.weight == 1])
        return _rounded(float(np.percentile(magnitude, VOXEL_LIMIT_PERCENTILE))) or 1.0


def region_limit(prediction: Prediction) -> float:
    """Highest magnitude of a region's attention for any class: one range for all classes, so that they compare."""
    return _rounded(max(abs(value) for node in prediction.nodes for value in node.attention)) or 1.0


def voxel_map(prediction: Prediction, label_map: LabelMap) -> VoxelMap:
    """The model's map, interpolated linearly from the feature grid, in all regions and a short fade around them.

    Over ribs, spine and air it would distract from the liver. What it holds there is no region's attention: it adds up
    to the background attention in the table of the probabilities.

    label_map: of the prediction, cropped to its regions.
    """
    geometry = _around(label_map.geometry)
    weight = _fading_outside(label_map, geometry)
    share = _resampled(prediction.attention, geometry, sitk.sitkLinear)
    density = np.moveaxis(share, -1, 0) * (REFERENCE_ML / Geometry.of(prediction.attention).voxel_ml) * weight
    return VoxelMap(density.astype(np.float32), weight, geometry)


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
    inside = geometry.image(_resampled(regions, geometry, sitk.sitkNearestNeighbor))
    distance = sitk.SignedMaurerDistanceMap(inside, squaredDistance=False, useImageSpacing=True)
    # Distances are to the centres of the border voxels; the border itself lies half a voxel further out.
    outside_mm = sitk.GetArrayFromImage(distance) - SPACING_MM / 2
    return np.clip(1 - outside_mm / FADE_MM, 0, 1).astype(np.float32)


def _resampled(image: sitk.Image, geometry: Geometry, interpolator: int) -> np.ndarray:
    """Zero outside the image."""
    grid = (geometry.size, sitk.Transform(), interpolator, geometry.origin, geometry.spacing, geometry.direction)
    return sitk.GetArrayFromImage(sitk.Resample(image, *grid, 0.0))


def _colored(
    volume: slicer.vtkMRMLScalarVolumeNode, colors: slicer.vtkMRMLColorNode, limit: float
) -> slicer.vtkMRMLScalarVolumeNode:
    volume.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    set_window(volume, 2 * limit, 0.0)
    return volume
