"""The scene and pictures of a case, made in the application's own scene, which is left as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import slicer
import vtk

from ..imaging.case import Case
from ..inference import drawing
from ..inference.prediction import OutputError, Prediction
from .display import jump_to_region, show_in_slices
from .files import REPORT_PICTURE, write_files
from .layout import add_layout
from .overlay import build_overlay
from .rendering import can_render
from .volumes import CaseImages


@dataclass(frozen=True)
class Application:
    """The scene of the running application, and the logic that its views ask."""

    scene: slicer.vtkMRMLScene
    application_logic: slicer.vtkMRMLApplicationLogic

    @classmethod
    def running(cls) -> "Application":
        return cls(slicer.mrmlScene, slicer.app.applicationLogic())


class SceneFiles:
    """`Extras` of `run_case`: `scene.mrb` and `pictures/*.png`; the report gets the 3D view.

    What cannot be made is told to `say`, once, and left out; no prediction is lost for it.
    """

    def __init__(self, application: Application, bundle: bool, snapshots: bool, say: Callable[[str], None]):
        self._application = application
        self._say = say
        self._bundle, self._snapshots = bundle, snapshots
        if (bundle or snapshots) and _has_data(application.scene):
            # A saved scene holds everything in it, and names of other patients may be among that.
            self._say("No scenes and pictures: the application's scene holds other data, which would be in them.")
            self._bundle = self._snapshots = False
        if self._snapshots:
            self._snapshots, reason = can_render()
            if reason:
                self._say(f"No pictures: {reason}")

    def __call__(self, prediction: Prediction, case: Case, folder: Path) -> list[drawing.Picture]:
        if not (self._bundle or self._snapshots):
            return []
        try:
            with _left_as_it_was(self._application.scene):
                pictures = self._write(prediction, CaseImages(case.ct, case.pet), folder)
        except (OutputError, OSError, RuntimeError) as error:
            code = error.code if isinstance(error, OutputError) else type(error).__name__
            self._say(f"{prediction.case}: the scene could not be made, {code}.")
            return []
        return [picture for picture in pictures if picture.name == REPORT_PICTURE]

    def _write(self, prediction: Prediction, images: CaseImages, folder: Path) -> list[drawing.Picture]:
        overlay = build_overlay(self._application.scene, prediction, images)
        if _has_views(self._application.scene):
            show_in_slices(overlay)
            jump_to_region(overlay, overlay.most_attended.id, centered=False)
        else:
            add_layout(self._application, overlay)
        pictures = write_files(overlay, folder, self._snapshots, self._bundle)
        return [drawing.Picture(picture.name, picture.caption, picture.path.read_bytes()) for picture in pictures]


@contextmanager
def _left_as_it_was(scene: slicer.vtkMRMLScene) -> Iterator[None]:
    """Takes out again whatever has come into the scene and its subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    items, nodes = set(_items(hierarchy)), {node.GetID() for node in _nodes(scene)}
    try:
        yield
    finally:
        for item in _items(hierarchy):
            if item not in items:
                hierarchy.RemoveItem(item, False, False)
        for node in _nodes(scene):
            # Some have gone with those before them.
            if node.GetID() not in nodes and node.GetScene() is scene:
                scene.RemoveNode(node)


def _has_data(scene: slicer.vtkMRMLScene) -> bool:
    """Whether anything is in it that was put there, and that would be saved.

    The cameras of its views do not count, nor do colour tables: the settings can name files of them to load at start.
    """
    return any(
        node.GetSaveWithScene() and not node.GetHideFromEditors()
        for node in _nodes(scene)
        if node.IsA("vtkMRMLStorableNode") and not (node.IsA("vtkMRMLCameraNode") or node.IsA("vtkMRMLColorNode"))
    )


def _has_views(scene: slicer.vtkMRMLScene) -> bool:
    """Without its window the application has none."""
    return scene.GetNumberOfNodesByClass("vtkMRMLSliceNode") > 0


def _nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLNode]:
    return [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]


def _items(hierarchy: slicer.vtkMRMLSubjectHierarchyNode) -> list[int]:
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    return [items.GetId(index) for index in range(items.GetNumberOfIds())]
