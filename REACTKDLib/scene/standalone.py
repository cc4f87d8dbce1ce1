"""A scene and the application's logics without the application. The one module that has no use inside Slicer."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import slicer

LOGICS = {
    "vtkSlicerColorLogic": "Colors",
    "vtkSlicerVolumesLogic": "Volumes",
    "vtkSlicerSubjectHierarchyModuleLogic": "SubjectHierarchy",
    "vtkSlicerSegmentationsModuleLogic": "Segmentations",
    "vtkSlicerMarkupsLogic": "Markups",
    "vtkSlicerModelsLogic": "Models",
    "vtkSlicerTablesLogic": "Tables",
    "vtkSlicerPlotsLogic": "Plots",
    "vtkSlicerUnitsLogic": "Units",
}
"""Class of the logic, and name of its module.

They register the node classes of their modules with the scene, and its readers and writers.
"""

DISPLAYABLE_MANAGER_FACTORIES = (
    slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
    slicer.vtkMRMLSliceViewDisplayableManagerFactory,
)


@dataclass(frozen=True)
class Standalone:
    """Everything here must live as long as its scene is used."""

    scene: slicer.vtkMRMLScene
    application_logic: slicer.vtkSlicerApplicationLogic
    logics: tuple[slicer.vtkMRMLAbstractLogic, ...]
    temporary: tempfile.TemporaryDirectory


@cache
def standalone() -> Standalone:
    """The process's only one: displayable managers and segmentation rules are singletons of the process too."""
    temporary = tempfile.TemporaryDirectory(prefix="reactkd-scene-")
    scene = slicer.vtkMRMLScene()
    application_logic = slicer.vtkSlicerApplicationLogic()
    _add_crosshair(scene)
    # Where the application keeps its own colour tables; without a place to look, the colour logic complains.
    (Path(temporary.name) / "share" / "ColorFiles").mkdir(parents=True)
    application_logic.SetHomeDirectory(temporary.name)
    application_logic.SetShareDirectory("share")
    application_logic.SetMRMLScene(scene)
    application_logic.SetTemporaryPath(temporary.name)
    logics = (
        *_data_logics(scene, application_logic, str(Path(temporary.name) / "cache")),
        *_module_logics(scene, application_logic),
    )
    for factory in DISPLAYABLE_MANAGER_FACTORIES:
        factory.GetInstance().SetMRMLApplicationLogic(application_logic)
    return Standalone(scene, application_logic, logics, temporary)


def _add_crosshair(scene: slicer.vtkMRMLScene) -> None:
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)


def _data_logics(
    scene: slicer.vtkMRMLScene, application_logic: slicer.vtkSlicerApplicationLogic, folder: str
) -> tuple[slicer.vtkMRMLAbstractLogic, ...]:
    """Opening a bundle needs a cache folder, which belongs to remote input and output."""
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLApplicationLogic(application_logic)
    remote.SetMRMLScene(scene)
    remote.GetCacheManager().SetRemoteCacheDirectory(folder)
    data = slicer.vtkDataIOManagerLogic()
    data.SetMRMLApplicationLogic(application_logic)
    data.SetMRMLScene(scene)
    data.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    return remote, data


def _module_logics(
    scene: slicer.vtkMRMLScene, application_logic: slicer.vtkSlicerApplicationLogic
) -> tuple[slicer.vtkMRMLAbstractLogic, ...]:
    logics = tuple(getattr(slicer, name)() for name in LOGICS)
    for name, logic in zip(LOGICS, logics, strict=True):
        # Displayable managers ask for their module's logic by the module's name.
        application_logic.SetModuleLogic(LOGICS[name], logic)
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
    application_logic.SetColorLogic(logics[0])
    return logics
