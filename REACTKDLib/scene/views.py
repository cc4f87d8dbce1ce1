"""Slice and 3D views without a window or Qt, drawn by the same displayable managers as the application's."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from .geometry import set_orientation

SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
)
THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
)
BACKGROUND = (0.0, 0.0, 0.0)
BACKGROUND_3D = ((0.03, 0.04, 0.06), (0.13, 0.15, 0.19))
"""Below and above. Dark, as reading rooms are."""
OWNER_ID = "vtkMRMLSelectionNodeSingleton"
"""Of a node that is in every scene that an application logic knows."""
MARGIN = 1.12
"""Width of the view over that of the box in it."""


class OffscreenView:
    """A render window of a size in pixels (width, height), and the managers that draw a view node's scene into it."""

    def __init__(self, size: tuple[int, int]):
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetSize(*size)
        # Multisampling makes translucent surfaces vanish; FXAA smooths edges instead.
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.Initialize()

    def pixels(self) -> np.ndarray:
        """What the view shows: (H, W, 3), uint8, first row on top."""
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.Update()
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()

    @staticmethod
    def _add(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLAbstractViewNode, name: str) -> None:
        """The application makes a widget for each view node without an owner; any node but the layout's will do."""
        node.SetName(name)
        node.SetLayoutName(name)
        node.SetAndObserveParentLayoutNodeID(OWNER_ID)
        scene.AddNode(node)

    def _manage(self, factory: slicer.vtkMRMLDisplayableManagerFactory, names: Sequence[str]) -> None:
        missing = [name for name in names if not factory.IsDisplayableManagerRegistered(name)]
        for name in missing:
            factory.RegisterDisplayableManager(name)
        self.managers = slicer.vtkMRMLDisplayableManagerGroup()
        self.managers.Initialize(factory, self.renderer)


class SliceView(OffscreenView):
    """One slice of a scene. orientation: Axial, Coronal or Sagittal, in radiological convention."""

    def __init__(self, scene: slicer.vtkMRMLScene, orientation: str, size: tuple[int, int]):
        super().__init__(size)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.renderer.SetBackground(*BACKGROUND)
        self._manage(factory, SLICE_MANAGERS)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(factory.GetMRMLApplicationLogic())
        self.logic.SetMRMLScene(scene)
        self.node = slicer.vtkMRMLSliceNode()
        self._add(scene, self.node, f"REACT-KD {orientation}")
        self.logic.SetSliceNode(self.node)
        set_orientation(self.node, orientation)
        self.node.SetRulerType(slicer.vtkMRMLSliceNode.RulerTypeThin)
        self.node.SetMappedInLayout(True)
        self.managers.SetMRMLDisplayableNode(self.node)
        self._draw_image()

    @property
    def composite(self) -> slicer.vtkMRMLSliceCompositeNode:
        """What it shows: background, foreground, opacity."""
        return self.logic.GetSliceCompositeNode()

    def fit(self, point: Sequence[float]) -> None:
        """Shows the whole background volume, cut at a point in RAS mm."""
        self.logic.ResizeSliceNode(*self.window.GetSize())
        self.logic.FitSliceToBackground()
        self.node.JumpSliceByOffsetting(*point)

    def pixels(self) -> np.ndarray:
        self.mapper.SetInputConnection(self.logic.GetImageDataConnection())
        return super().pixels()

    def close(self, scene: slicer.vtkMRMLScene) -> None:
        """Takes its nodes out of the scene again."""
        logic, composite = self.logic, self.composite
        self.managers.SetMRMLDisplayableNode(None)
        # The slice's model last: its logic, which sees the others go, would make a new one.
        models = (logic.GetSliceModelNode(), logic.GetSliceModelDisplayNode(), logic.GetSliceModelTransformNode())
        for node in (composite, self.node, *models):
            scene.RemoveNode(node)

    def _draw_image(self) -> None:
        """The application's light box, which draws the blended slice, is no part of the displayable managers."""
        self.mapper = vtk.vtkImageMapper()
        self.mapper.SetColorWindow(255)
        self.mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self.mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)


class ThreeDView(OffscreenView):
    """The scene's surfaces, seen by a camera of its own."""

    def __init__(self, scene: slicer.vtkMRMLScene, size: tuple[int, int]):
        super().__init__(size)
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self.renderer.SetUseDepthPeeling(True)
        self.renderer.SetMaximumNumberOfPeels(12)
        # Peels that no eye tells apart double the time without a graphics card.
        self.renderer.SetOcclusionRatio(0.02)
        self.renderer.UseFXAAOn()
        self._manage(factory, THREE_D_MANAGERS)
        self.node = slicer.vtkMRMLViewNode()
        self._add(scene, self.node, "REACT-KD 3D")
        self.node.SetBoxVisible(False)
        self.node.SetAxisLabelsVisible(False)
        self.node.SetBackgroundColor(BACKGROUND_3D[0])
        self.node.SetBackgroundColor2(BACKGROUND_3D[1])
        self.node.SetOrientationMarkerType(slicer.vtkMRMLViewNode.OrientationMarkerTypeAxes)
        self.node.SetOrientationMarkerSize(slicer.vtkMRMLViewNode.OrientationMarkerSizeMedium)
        # Labels are placed for it: seen in perspective, regions at other depths would shift behind them.
        self.node.SetRenderMode(slicer.vtkMRMLViewNode.Orthographic)
        self.node.SetMappedInLayout(True)
        self.managers.SetMRMLDisplayableNode(self.node)

    def look(self, bounds: Sequence[float], azimuth: float, elevation: float) -> None:
        """Looks at a box (RAS mm: R, R, A, A, S, S) that fills the view.

        azimuth: degrees from the front towards the patient's left. elevation: degrees from above.
        """
        camera = self.renderer.GetActiveCamera()
        center = np.reshape(bounds, (3, 2)).mean(1)
        camera.SetFocalPoint(center)
        camera.SetPosition(center + np.array((0.0, 1.0, 0.0)))
        camera.SetViewUp(0.0, 0.0, 1.0)
        camera.Azimuth(azimuth)
        camera.Elevation(elevation)
        camera.OrthogonalizeViewUp()
        self.renderer.ResetCamera(bounds)
        camera.Zoom(1 / (MARGIN * self._extent(bounds)))
        self.renderer.ResetCameraClippingRange()

    def _extent(self, bounds: Sequence[float]) -> float:
        """How far the box reaches from the middle of the view; 1 is the view's edge."""
        aspect = np.divide(*self.window.GetSize())
        matrix = self.renderer.GetActiveCamera().GetCompositeProjectionTransformMatrix(aspect, -1, 1)
        projection = np.reshape([matrix.GetElement(i, j) for i in range(4) for j in range(4)], (4, 4))
        corners = np.array([(*corner, 1.0) for corner in product(*np.reshape(bounds, (3, 2)))]) @ projection.T
        return float(np.abs(corners[:, :2] / corners[:, 3:]).max())

    def close(self, scene: slicer.vtkMRMLScene) -> None:
        """Takes its nodes out of the scene again."""
        manager = self.managers.GetDisplayableManagerByClassName("vtkMRMLCameraDisplayableManager")
        camera = manager.GetCameraNode()
        self.managers.SetMRMLDisplayableNode(None)
        scene.RemoveNode(camera)
        scene.RemoveNode(self.node)
