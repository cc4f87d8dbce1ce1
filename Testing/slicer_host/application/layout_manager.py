"""`slicer.app.layoutManager()`: the four-up layout. Its nodes are always there, its pictures made when asked for.

As the application's it makes a widget for every view node that comes into the scene, unless another node owns it.
"""

from functools import cached_property

import slicer
import vtk

from REACTKDLib.scene.geometry import set_orientation
from REACTKDLib.scene.layout import SLICE_VIEWS, THREE_D_VIEW
from REACTKDLib.scene.rendering import try_rendering
from REACTKDLib.scene.standalone import Standalone

from ..pythonqt.attributes import native
from ..pythonqt.bindings import QtCore

VIEW_SIZE = (500, 420)
"""Pixels, width and height."""


def _require_rendering() -> None:
    able, reason = try_rendering()
    if not able:
        raise RuntimeError(reason)


class SliceWidget:
    """`sliceWidget("Red")`."""

    def __init__(self, standalone: Standalone, node: slicer.vtkMRMLSliceNode):
        self._standalone = standalone
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(standalone.application_logic)
        standalone.application_logic.GetSliceLogics().AddItem(self._logic)
        self._logic.SetMRMLScene(standalone.scene)
        self._node = node
        self._logic.SetSliceNode(node)

    def restore(self, orientation: str) -> None:
        """As the application has it after a scene was closed."""
        set_orientation(self._node, orientation)
        self._node.SetMappedInLayout(True)
        self._logic.ResizeSliceNode(*VIEW_SIZE)

    def sliceLogic(self) -> slicer.vtkMRMLSliceLogic:
        return self._logic

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._node

    @cached_property
    def _view(self):
        from .views import SliceView

        _require_rendering()
        return SliceView(self._logic, VIEW_SIZE)

    def sliceView(self):
        """RuntimeError where nothing can be rendered, saying why."""
        return self._view

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()
        self._logic.SnapSliceOffsetToIJK()

    def close(self) -> None:
        """Its node is gone."""
        self._standalone.application_logic.GetSliceLogics().RemoveItem(self._logic)
        self._logic.SetMRMLScene(None)


class ThreeDWidget:
    """`threeDWidget(0)`."""

    def __init__(self, standalone: Standalone, name: str):
        self._standalone = standalone
        self._logic = slicer.vtkMRMLViewLogic()
        self._logic.SetMRMLApplicationLogic(standalone.application_logic)
        standalone.application_logic.GetViewLogics().AddItem(self._logic)
        # By its name it finds the view node, which the layout has made.
        self._logic.SetName(name)
        self._logic.SetMRMLScene(standalone.scene)
        self._node = self._logic.GetViewNode()

    def restore(self) -> None:
        """As the application has it after a scene was closed."""
        self._node.SetMappedInLayout(True)

    def mrmlViewNode(self) -> slicer.vtkMRMLViewNode:
        return self._node

    @cached_property
    def _view(self):
        from .views import ThreeDView

        _require_rendering()
        return ThreeDView(self._node, VIEW_SIZE)

    def threeDView(self):
        """RuntimeError where nothing can be rendered, saying why."""
        return self._view

    def close(self) -> None:
        """Its node is gone."""
        self._standalone.application_logic.GetViewLogics().RemoveItem(self._logic)
        self._logic.SetMRMLScene(None)
        if "_view" in vars(self):
            self._view.close()


@native
class LayoutManager(QtCore.QObject):
    layoutChanged = QtCore.Signal(int)

    def __init__(self, standalone: Standalone):
        super().__init__()
        self._standalone = standalone
        logic, scene = standalone.application_logic, standalone.scene
        for collections in (logic.SetSliceLogics, logic.SetViewLogics):
            collections(vtk.vtkCollection())
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(scene)
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        # The layout has made their nodes, and a scene has one of each name only.
        self._slices = {
            name: SliceWidget(standalone, scene.GetSingletonNode(name, "vtkMRMLSliceNode")) for name in SLICE_VIEWS
        }
        self._three_d = ThreeDWidget(standalone, THREE_D_VIEW)
        self._restore()
        self._made: dict[str, SliceWidget | ThreeDWidget] = {}
        scene.AddObserver(slicer.vtkMRMLScene.EndCloseEvent, self._restore)
        scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._make_widget)
        scene.AddObserver(slicer.vtkMRMLScene.NodeRemovedEvent, self._close_widget)

    def _restore(self, caller=None, event=None) -> None:
        for name, widget in self._slices.items():
            widget.restore(SLICE_VIEWS[name])
        self._three_d.restore()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _make_widget(self, scene, event, node) -> None:
        if scene.IsBatchProcessing() or not isinstance(node, slicer.vtkMRMLAbstractViewNode):
            return
        if node.GetParentLayoutNode():
            return
        if isinstance(node, slicer.vtkMRMLSliceNode):
            self._made[node.GetID()] = SliceWidget(self._standalone, node)
        elif isinstance(node, slicer.vtkMRMLViewNode):
            widget = self._made[node.GetID()] = ThreeDWidget(self._standalone, node.GetLayoutName())
            if self.threeDViewCount:
                widget.threeDView()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _close_widget(self, scene, event, node) -> None:
        if widget := self._made.pop(node.GetID(), None):
            widget.close()

    def layoutLogic(self) -> slicer.vtkMRMLLayoutLogic:
        return self._logic

    def _read(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(layout)
        self.layoutChanged.emit(layout)

    layout = QtCore.Property(int, _read, setLayout)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return self._slices.get(name)

    def mrmlSliceLogics(self) -> vtk.vtkCollection:
        return slicer.app.applicationLogic().GetSliceLogics()

    # Without OpenGL as in a layout without 3D views.
    threeDViewCount = QtCore.Property(int, lambda self: int(try_rendering()[0]))
    tableViewCount = QtCore.Property(int, lambda self: 0)
    plotViewCount = QtCore.Property(int, lambda self: 0)

    def threeDWidget(self, index: int) -> ThreeDWidget | None:
        return self._three_d if index == 0 else None

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        if self.threeDViewCount:
            self._three_d.threeDView().resetFocalPoint()
