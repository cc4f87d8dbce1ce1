import numpy as np
import pytest

PLANES = {"Red": 2, "Green": 1, "Yellow": 0}
"""Which axis (R, A, S) each slice view looks along."""


def layout():
    import slicer

    return slicer.app.layoutManager()


def normal(name: str) -> np.ndarray:
    matrix = layout().sliceWidget(name).mrmlSliceNode().GetSliceToRAS()
    return np.array([matrix.GetElement(row, 2) for row in range(3)])


def test_the_nodes_of_the_four_views_are_there_even_where_nothing_can_be_rendered(host):
    import slicer

    assert layout().sliceViewNames() == tuple(PLANES)
    assert layout().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    for name, axis in PLANES.items():
        node = layout().sliceWidget(name).mrmlSliceNode()
        assert host.scene.GetNodeByID(f"vtkMRMLSliceNode{name}") is node
        assert abs(normal(name)[axis]) == 1
    assert host.scene.GetNodeByID("vtkMRMLViewNode1") is layout().threeDWidget(0).mrmlViewNode()


def test_closing_a_scene_leaves_the_views_as_they_were(host):
    node = layout().sliceWidget("Green").mrmlSliceNode()
    node.SetOrientationToSagittal()
    host.close_scene()
    assert layout().sliceWidget("Green").mrmlSliceNode() is node
    assert abs(normal("Green")[PLANES["Green"]]) == 1
    assert node.IsMappedInLayout()


def test_without_opengl_the_layout_has_no_3d_view_and_pictures_say_why(host, monkeypatch, tmp_path):
    from Testing.slicer_host.application import layout_manager

    monkeypatch.setattr(layout_manager, "try_rendering", lambda: (False, "no OpenGL library"))
    monkeypatch.delitem(vars(layout().sliceWidget("Red")), "_view", raising=False)
    assert layout().threeDViewCount == 0
    with pytest.raises(RuntimeError, match="no OpenGL library"):
        host.four_up(tmp_path / "four.png")


def test_slices_jump_to_a_point(host):
    import slicer

    slicer.vtkMRMLSliceNode.JumpAllSlices(host.scene, 10.0, -20.0, 30.0)
    for name, axis in PLANES.items():
        assert layout().sliceWidget(name).mrmlSliceNode().GetSliceToRAS().GetElement(axis, 3) == (10, -20, 30)[axis]


@pytest.mark.parametrize("owner", [None, "vtkMRMLSelectionNodeSingleton"])
def test_a_view_node_gets_a_widget_unless_another_node_owns_it(host, owner):
    import slicer

    node = slicer.vtkMRMLSliceNode()
    node.SetLayoutName("Mine")
    if owner:
        node.SetAndObserveParentLayoutNodeID(owner)
    host.scene.AddNode(node)
    # The widget's logic brings it.
    brought = [n for n in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode") if n.GetLayoutName() == "Mine"]
    # Closing a scene leaves views where they are.
    for mine in (node, *brought):
        host.scene.RemoveNode(mine)
    assert bool(brought) == (owner is None)


@pytest.fixture
def ball(host):
    """A red ball around the origin, in the scene."""
    import slicer
    import vtk

    source = vtk.vtkSphereSource()
    source.SetRadius(30)
    source.SetThetaResolution(40)
    source.SetPhiResolution(40)
    node = slicer.modules.models.logic().AddModel(source.GetOutputPort())
    node.GetDisplayNode().SetColor(1, 0, 0)
    view = layout().threeDWidget(0).threeDView()
    view.resetFocalPoint()
    view.forceRender()
    return node


def reddish(pixels: np.ndarray) -> np.ndarray:
    """(H, W), of (H, W, 3)."""
    return pixels[..., 0].astype(int) > pixels[..., 2].astype(int) + 60


@pytest.mark.gl
def test_a_model_is_drawn_in_the_middle_of_the_3d_view(display, ball):
    mask = reddish(layout().threeDWidget(0).threeDView().pixels())
    assert mask.any()
    center = np.argwhere(mask).mean(0) / mask.shape
    assert np.allclose(center, 0.5, atol=0.05)
    ball.GetDisplayNode().SetVisibility(False)
    assert not reddish(layout().threeDWidget(0).threeDView().pixels()).any()


@pytest.mark.gl
def test_a_click_of_the_mouse_reaches_the_displayable_managers(display, ball):
    import vtk

    view = layout().threeDWidget(0).threeDView()
    places = []

    def note(caller, event):
        places.append(caller.GetEventPosition())

    # The view's own style, which comes first otherwise, keeps to itself what it has used.
    tag = view.interactor().AddObserver(vtk.vtkCommand.LeftButtonPressEvent, note, 10.0)
    width, height = view.renderWindow().GetSize()
    view.interactor().SetEventInformation(width // 2, height // 2)
    view.interactor().InvokeEvent(vtk.vtkCommand.LeftButtonPressEvent)
    view.interactor().InvokeEvent(vtk.vtkCommand.LeftButtonReleaseEvent)
    view.interactor().RemoveObserver(tag)
    assert places == [(width // 2, height // 2)]
    models = view.displayableManagerByClassName("vtkMRMLModelDisplayableManager")
    assert models.Pick(*places[0])
    assert models.GetPickedNodeID() == ball.GetDisplayNode().GetID()
    assert not models.Pick(2, 2) or not models.GetPickedNodeID()


@pytest.mark.gl
def test_a_slice_shows_its_volume(display, host):
    import slicer

    values = np.zeros((20, 20, 20), np.int16)
    values[:, :, 10:] = 100
    node = slicer.util.addVolumeFromArray(values)
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevel(100, 50)
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    pixels = layout().sliceWidget("Red").sliceView().pixels()[..., 0]
    height, width = pixels.shape
    # Radiological: the patient's right, which is the bright half, is on the left.
    assert pixels[height // 2, width // 2 - 60] > 200
    assert pixels[height // 2, width // 2 + 60] < 50


@pytest.mark.gl
def test_four_views_become_one_picture(display, host, ball, tmp_path):
    import qt

    host.four_up(tmp_path / "four.png")
    picture = qt.QImage(str(tmp_path / "four.png"))
    one = layout().threeDWidget(0).threeDView().renderWindow().GetSize()
    assert picture.width() >= 2 * one[0]
    assert picture.height() >= 2 * one[1]


def test_a_screenshot_has_text_in_it(host, tmp_path):
    import qt

    blank, label = qt.QLabel(""), qt.QLabel("iiiiiiii")
    wide = qt.QLabel("WWWWWWWW")
    for widget, name in ((blank, "blank"), (label, "narrow"), (wide, "wide")):
        host.screenshot(widget, tmp_path / f"{name}.png", (160, 30))
    dark = {
        name: sum(
            picture.pixelColor(x, y).lightness() < 128 for x in range(picture.width()) for y in range(picture.height())
        )
        for name in ("blank", "narrow", "wide")
        for picture in [qt.QImage(str(tmp_path / f"{name}.png"))]
    }
    assert qt.QImage(str(tmp_path / "wide.png")).width() == 320
    # Boxes, which stand where no font is found, are of one width.
    assert dark["blank"] == 0 < 2 * dark["narrow"] < dark["wide"]
