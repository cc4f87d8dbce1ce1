"""CT and PET as volume nodes, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk
import slicer

from ..imaging.geometry import Geometry
from .colors import add_pet_colors
from .geometry import ijk_to_ras, image_data
from .world import world_voxels

CT_WINDOW_LEVEL = (400.0, 40.0)
"""HU, the abdominal soft tissue window."""

PET_WHITE_PERCENTILE = 99.9
"""Of the voxels; above it everything is black. PET comes in any unit, so that no fixed uptake can be the limit."""


@dataclass(frozen=True)
class CaseImages:
    """The images of a case, not yet in a scene. ct: HU. pet: by tracer, in any unit and on any grid."""

    ct: sitk.Image
    pet: Mapping[str, sitk.Image] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseVolumes:
    """The images of a case as volume nodes of a scene."""

    ct: slicer.vtkMRMLScalarVolumeNode
    pet: Mapping[str, slicer.vtkMRMLScalarVolumeNode] = field(default_factory=dict)


def add_case_volumes(scene: slicer.vtkMRMLScene, images: CaseImages) -> CaseVolumes:
    """CT in the abdominal window; PET in inverted grey, as nuclear medicine reads it."""
    ct = add_volume(scene, images.ct, "CT")
    set_window(ct, *CT_WINDOW_LEVEL)
    pet = {tracer: _add_pet(scene, image, tracer) for tracer, image in images.pet.items()}
    return CaseVolumes(ct, pet)


def add_volume(scene: slicer.vtkMRMLScene, image: sitk.Image, name: str) -> slicer.vtkMRMLScalarVolumeNode:
    """A scalar image of three dimensions as a volume node. The window is the caller's to set."""
    return add_array_volume(scene, sitk.GetArrayViewFromImage(image), Geometry.of(image), name)


def add_array_volume(
    scene: slicer.vtkMRMLScene, array: np.ndarray, geometry: Geometry, name: str
) -> slicer.vtkMRMLScalarVolumeNode:
    """array: (D, H, W) on `geometry`. The window is the caller's to set."""
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    volume.SetIJKToRASMatrix(ijk_to_ras(geometry))
    # Display first: with voxels to look at, it would search them for a window that is replaced at once.
    volume.CreateDefaultDisplayNodes()
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.SetAndObserveImageData(image_data(array))
    return volume


def set_window(volume: slicer.vtkMRMLScalarVolumeNode, window: float, level: float) -> None:
    # Else a volume that was loaded from a file goes back to a window of its own.
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevel(window, level)


def image_of(volume: slicer.vtkMRMLScalarVolumeNode) -> sitk.Image:
    """A copy of the volume's voxels where they lie in the world, at right angles, in LPS."""
    array, geometry = world_voxels(volume)
    return geometry.image(array)


def _add_pet(scene: slicer.vtkMRMLScene, image: sitk.Image, tracer: str) -> slicer.vtkMRMLScalarVolumeNode:
    volume = add_volume(scene, image, f"PET {tracer.upper()}")
    top = float(np.percentile(sitk.GetArrayViewFromImage(image), PET_WHITE_PERCENTILE)) or 1.0
    set_window(volume, top, top / 2)
    volume.GetDisplayNode().SetAndObserveColorNodeID(add_pet_colors(scene).GetID())
    return volume
