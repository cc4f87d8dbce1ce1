"""What the user chose. Kept in a node of the scene, and so saved and opened with it."""

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper


@parameterNodeWrapper
class Parameters:
    """Inputs, model and device of the panel, and the result they led to.

    liver_segment, tumor_segment: segment ids; empty for a choice by name. model: a model folder; empty for the demo
    model. device: `auto`, `cpu`, `cuda:N`. result: the overlay's parameter node. What the overlay shows is kept by the
    overlay itself.
    """

    ct: slicer.vtkMRMLScalarVolumeNode
    pet_fdg: slicer.vtkMRMLScalarVolumeNode
    pet_act: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    liver_segment: str = ""
    tumor_segment: str = ""
    model: str = ""
    device: str = "auto"
    result: slicer.vtkMRMLScriptedModuleNode
