"""The parts of `slicer` that the application adds to its core."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import slicer
import slicer_core
import vtk

from REACTKDLib.scene.standalone import LOGICS, Standalone

from .application.module_manager import LoadableModule, ScriptedModule, ScriptedModuleWidget
from .pythonqt.bindings import QtWidgets
from .pythonqt.modules import install_modules
from .widgets import WIDGETS

STAND_INS = Path(__file__).with_name("stand_ins")

ASKED_FOR = {
    "ctk": (
        "ctkCheckBox",
        "ctkCheckablePushButton",
        "ctkColorPickerButton",
        "ctkDoubleRangeSlider",
        "ctkDoubleSlider",
        "ctkRangeWidget",
    ),
    "slicer": ("qMRMLRangeWidget", "qMRMLSpinBox"),
}
"""Widgets that Slicer's own parameter nodes compare others with. No `.ui` file can have one here."""

WITHOUT_LOGIC = ("SegmentEditor",)
"""Modules that others open."""

IN_HIERARCHY = (
    slicer.vtkMRMLDisplayableNode,
    slicer.vtkMRMLTableNode,
    slicer.vtkMRMLTextNode,
    slicer.vtkMRMLPlotChartNode,
)


def install_widgets() -> None:
    """Makes `qt`, `ctk` and the widgets of `slicer`."""
    _, ctk = install_modules()
    for name, cls in WIDGETS.items():
        if name.startswith("q"):
            setattr(slicer, name, cls)
    for place, names in ASKED_FOR.items():
        for name in names:
            setattr(ctk if place == "ctk" else slicer, name, type(name, (QtWidgets.QWidget,), {}))
    slicer.qSlicerScriptedLoadableModule = ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = ScriptedModuleWidget


def install_parts(standalone: Standalone) -> None:
    """Makes `slicer.modules`, the base classes of scripted modules, and what depends on `slicer.app`."""
    slicer.modules = sys.modules["slicer.modules"] = ModuleType("slicer.modules")
    manager = slicer.app.moduleManager()
    for name in LOGICS.values():
        manager.add(LoadableModule(name, standalone.application_logic.GetModuleLogic(name)))
    for name in WITHOUT_LOGIC:
        manager.add(LoadableModule(name, None))
    sources = os.environ.get("SLICER_PY")
    slicer.__path__.append(str(Path(sources) / "slicer" if sources else STAND_INS))
    _name_libraries()
    # The application's other modules lie in another folder than its Python packages.
    sys.modules["SampleData"] = importlib.import_module("Testing.slicer_host.stand_ins.SampleData")
    slicer.util.selectModule = manager.select
    slicer.util.selectedModule = manager.selected
    standalone.scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, _into_hierarchy)
    standalone.scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, _out_of_hierarchy)


def _name_libraries() -> None:
    """`from MRMLCorePython import ...` and its like, which modules have in Slicer."""
    for name, library in vars(slicer_core).items():
        if isinstance(library, ModuleType):
            sys.modules.setdefault(f"{name}Python", library)


@vtk.calldata_type(vtk.VTK_OBJECT)
def _into_hierarchy(scene, event, node) -> None:
    """What a plugin of Qt does in the application. A scene that is read brings its own hierarchy."""
    if scene.IsBatchProcessing() or not isinstance(node, IN_HIERARCHY) or node.GetHideFromEditors():
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy and not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


@vtk.calldata_type(vtk.VTK_OBJECT)
def _out_of_hierarchy(scene, event, node) -> None:
    """What the same plugin does when a node goes."""
    if scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if item := hierarchy.GetItemByDataNode(node):
        hierarchy.RemoveItem(item, False, False)
