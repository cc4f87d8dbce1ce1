"""The views themselves: the application's displayable managers, drawing into windows off the screen."""

import numpy as np
import slicer
import vtk

from REACTKDLib.scene.views import SLICE_MANAGERS, THREE_D_MANAGERS, OffscreenView

MORE_SLICE_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
MORE_THREE_D_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)


class Drawing(OffscreenView):
    """A window off the screen, and the displayable managers that draw into it."""

    def __init__(self, size: tuple[int, int], factory: slicer.vtkMRMLDisplayableManagerFactory, managers: tuple):
        super().__init__(size)
        self._manage(factory, managers)


class View:
    """What scripts call on a qMRMLThreeDView or qMRMLSliceView."""

    def __init__(self, drawing: Drawing):
        self._drawing = drawing

    def renderWindow(self) -> vtk.vtkRenderWindow:
        return self._drawing.window

    def interactor(self) -> vtk.vtkRenderWindowInteractor:
        return self._drawing.interactor

    def displayableManagerByClassName(self, name: str):
        return self._drawing.managers.GetDisplayableManagerByClassName(name)

    def scheduleRender(self) -> None:
        """Nothing is drawn here before someone asks for it."""

    def forceRender(self) -> None:
        self.renderWindow().Render()

    def close(self) -> None:
        """Its node is gone."""
        self._drawing.managers.SetMRMLDisplayableNode(None)

    def pixels(self) -> np.ndarray:
        """What it shows: (H, W, 3), uint8, first row on top."""
        self.forceRender()
        return self._drawing.pixels()


class SliceView(View):
    """A slice node's view."""

    def __init__(self, logic: slicer.vtkMRMLSliceLogic, size: tuple[int, int]):
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(Drawing(size, factory, (*SLICE_MANAGERS, *MORE_SLICE_MANAGERS)))
        self._drawing.renderer.GetActiveCamera().ParallelProjectionOn()
        self._logic = logic
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(logic)
        self._style.SetDisplayableManagers(self._drawing.managers)
        self._style.SetInteractor(self.interactor())
        self.interactor().SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._drawing.managers.SetMRMLDisplayableNode(logic.GetSliceNode())
        self._draw_image()

    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._logic.GetSliceNode()

    def forceRender(self) -> None:
        connection = self._logic.GetImageDataConnection()
        self._mapper.SetInputConnection(connection)
        self._actor.SetVisibility(connection is not None)
        super().forceRender()

    def _draw_image(self) -> None:
        """The application's light box, which draws the blended slice, is no part of the displayable managers."""
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self._drawing.renderer.AddViewProp(self._actor)


class ThreeDView(View):
    """A view node's view."""

    def __init__(self, node: slicer.vtkMRMLViewNode, size: tuple[int, int]):
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        super().__init__(Drawing(size, factory, (*THREE_D_MANAGERS, *MORE_THREE_D_MANAGERS)))
        self._drawing.renderer.GradientBackgroundOn()
        self._drawing.renderer.SetUseDepthPeeling(True)
        self._node = node
        self._style = slicer.vtkMRMLThreeDViewInteractorStyle()
        self._style.SetDisplayableManagers(self._drawing.managers)
        self._style.SetInteractor(self.interactor())
        self.interactor().SetInteractorStyle(vtk.vtkInteractorStyle3D())
        self._drawing.managers.SetMRMLDisplayableNode(node)

    def mrmlViewNode(self) -> slicer.vtkMRMLViewNode:
        return self._node

    def cameraNode(self) -> slicer.vtkMRMLCameraNode:
        return self.displayableManagerByClassName("vtkMRMLCameraDisplayableManager").GetCameraNode()

    def resetFocalPoint(self) -> None:
        """Everything visible, from where the camera looks."""
        boxes = self._node.GetBoxVisible(), self._node.GetAxisLabelsVisible()
        # Their size follows from the last time, and would count as something visible.
        self._node.SetBoxVisible(False)
        self._node.SetAxisLabelsVisible(False)
        self._drawing.renderer.ResetCamera()
        self._node.SetBoxVisible(boxes[0])
        self._node.SetAxisLabelsVisible(boxes[1])

    def resetCamera(self) -> None:
        self.cameraNode().RotateTo(slicer.vtkMRMLCameraNode.Anterior)
        self._drawing.renderer.ResetCamera()
