"""The views that a saved scene opens with."""

from typing import Protocol

import numpy as np
import slicer

from .display import jump_to_region, show_in_slice
from .geometry import set_orientation
from .overlay_nodes import Overlay
from .viewpoint import picture_axes

SLICE_VIEWS = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}
THREE_D_VIEW = "1"
"""As the application names its views."""
CAMERA_DISTANCE_MM = 500.0
"""At the application's view angle of 30 degrees a liver fills half the view."""


class Host(Protocol):
    """What a scene lives in: the application, or what stands in for it (`standalone`)."""

    scene: slicer.vtkMRMLScene
    application_logic: slicer.vtkMRMLApplicationLogic


def add_layout(host: Host, overlay: Overlay) -> None:
    """The four views that the application opens a scene with, so that a saved scene shows the overlay at once."""
    views = slicer.vtkMRMLLayoutLogic()
    views.SetMRMLScene(host.scene)
    views.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    for name, orientation in SLICE_VIEWS.items():
        node = host.scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        set_orientation(node, orientation)
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(host.application_logic)
        logic.SetMRMLScene(host.scene)
        # Brings its composite node, which says what the view shows, into the scene.
        logic.SetSliceNode(node)
        show_in_slice(overlay, logic.GetSliceCompositeNode())
        logic.FitSliceToBackground()
    jump_to_region(overlay, overlay.most_attended.id, centered=False)
    _add_camera(host.scene, overlay)


def _add_camera(scene: slicer.vtkMRMLScene, overlay: Overlay) -> None:
    """Of the 3D view: from where the pictures look, the liver in the middle."""
    bounds = [0.0] * 6
    overlay.segmentation.GetRASBounds(bounds)
    center = np.reshape(bounds, (3, 2)).mean(1)
    camera = scene.AddNewNodeByClass("vtkMRMLCameraNode", "Camera")
    camera.SetLayoutName(THREE_D_VIEW)
    camera.SetFocalPoint(*center)
    _, up, towards_reader = picture_axes()
    camera.SetPosition(*(center + CAMERA_DISTANCE_MM * towards_reader))
    camera.SetViewUp(*up)
