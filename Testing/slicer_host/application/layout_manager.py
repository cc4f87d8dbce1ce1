"""`slicer.app.layoutManager()`: the four-up layout. Its nodes are always there, its pictures made when asked for."""

from functools import cached_property

import slicer
import vtk

from REACTKDLib.scene.geometry import set_orientation
from REACTKDLib.scene.layout import SLICE_VIEWS, THREE_D_VIEW
from REACTKDLib.scene.rendering import can_render
from REACTKDLib.scene.standalone import Standalone

from ..pythonqt.attributes import native
from ..pythonqt.bindings import QtCore

VIEW_SIZE = (500, 420)
"""Pixels, width and height."""


def _require_rendering() -> None:
    able, reason = can_render()
    if not able:
        raise RuntimeError(reason)


class SliceWidget:
    """`sliceWidget("Red")`."""

    def __init__(self, standalone: Standalone, name: str, orientation: str):
        self._standalone = standalone
        self._orientation = orientation
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(standalone.application_logic)
        standalone.application_logic.GetSliceLogics().AddItem(self._logic)
        self._logic.SetMRMLScene(standalone.scene)
        # The layout has made it, and a scene has one of each name only.
        self._node = standalone.scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        self._logic.SetSliceNode(self._node)
        self.restore()

    def restore(self) -> None:
        """As the application has it after a scene was closed."""
        set_orientation(self._node, self._orientation)
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


class ThreeDWidget:
    """`threeDWidget(0)`."""

    def __init__(self, standalone: Standalone):
        self._logic = slicer.vtkMRMLViewLogic()
        self._logic.SetMRMLApplicationLogic(standalone.application_logic)
        standalone.application_logic.GetViewLogics().AddItem(self._logic)
        # By its name it finds the view node, which the layout has made.
        self._logic.SetName(THREE_D_VIEW)
        self._logic.SetMRMLScene(standalone.scene)
        self._node = self._logic.GetViewNode()
        self.restore()

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


@native
class LayoutManager(QtCore.QObject):
    layoutChanged = QtCore.Signal(int)

    def __init__(self, standalone: Standalone):
        super().__init__()
        logic = standalone.application_logic
        for collections in (logic.SetSliceLogics, logic.SetViewLogics):
            collections(vtk.vtkCollection())
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(standalone.scene)
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._slices = {name: SliceWidget(standalone, name, plane) for name, plane in SLICE_VIEWS.items()}
        self._three_d = ThreeDWidget(standalone)
        standalone.scene.AddObserver(slicer.vtkMRMLScene.EndCloseEvent, self._restore)

    def _restore(self, caller, event) -> None:
        for widget in (*self._slices.values(), self._three_d):
            widget.restore()

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
    threeDViewCount = QtCore.Property(int, lambda self: int(can_render()[0]))
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
