"""Scene and pictures of a case from a scene that others use too."""

from dataclasses import dataclass, field

import pytest
import slicer
import vtk

from REACTKDLib.inference.prediction import OutputError
from REACTKDLib.scene import in_application
from REACTKDLib.scene.bundle import open_bundle
from REACTKDLib.scene.display import composites
from REACTKDLib.scene.in_application import Application, SceneFiles
from REACTKDLib.scene.volumes import add_volume


@dataclass
class Images:
    """As much of a `Case` as a scene needs."""

    ct: object
    pet: dict = field(default_factory=dict)


@pytest.fixture
def case(phantom):
    return Images(phantom.images.ct, phantom.images.pet)


@pytest.fixture
def application(host):
    return Application(host.scene, host.application_logic)


@pytest.fixture
def said() -> list[str]:
    return []


def content(scene) -> tuple[list[str], int]:
    """Ids of the nodes, and how many items the subject hierarchy has."""
    items = vtk.vtkIdList()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    return [scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())], items.GetNumberOfIds()


def test_the_scene_is_as_it_was_after_every_case(application, case, phantom, said, tmp_path):
    files = SceneFiles(application, bundle=True, snapshots=False, say=said.append)
    before = content(application.scene)
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        assert files(phantom.prediction, case, tmp_path / name) == []
        assert content(application.scene) == before
    assert said == []
    (overlay,) = open_bundle(application.scene, tmp_path / "three" / "scene.mrb")
    assert overlay.case == "phantom-1"


def test_the_scene_is_as_it_was_when_building_it_failed(application, case, phantom, said, tmp_path, monkeypatch):
    before = content(application.scene)

    def full(*_):
        raise OutputError("bundle_not_writable", "The scene cannot be written to a folder that names Doe.", "")

    monkeypatch.setattr(in_application, "write_files", full)
    files = SceneFiles(application, bundle=True, snapshots=False, say=said.append)
    assert files(phantom.prediction, case, tmp_path) == []
    assert content(application.scene) == before
    assert said == ["phantom-1: the scene could not be made, bundle_not_writable."]


def test_ctrl_c_in_the_middle_leaves_the_scene_as_it_was(application, case, phantom, said, tmp_path, monkeypatch):
    before = content(application.scene)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(in_application, "write_files", interrupt)
    files = SceneFiles(application, bundle=True, snapshots=False, say=said.append)
    with pytest.raises(KeyboardInterrupt):
        files(phantom.prediction, case, tmp_path)
    assert content(application.scene) == before


def test_nothing_of_another_patient_is_saved_and_their_data_stay(application, case, phantom, said, tmp_path):
    theirs = add_volume(application.scene, phantom.images.ct, "Doe^John")
    files = SceneFiles(application, bundle=True, snapshots=True, say=said.append)
    for _ in range(2):
        assert files(phantom.prediction, case, tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert theirs.GetScene() is application.scene
    assert len(said) == 1
    assert "Doe" not in said[0]


def test_colour_tables_that_the_settings_load_at_start_are_nobodys_data(application, case, phantom, said, tmp_path):
    table = slicer.vtkMRMLColorTableNode()
    table.SetTypeToUser()
    table.SetName("Hot metal")
    application.scene.AddNode(table)
    files = SceneFiles(application, bundle=True, snapshots=False, say=said.append)
    files(phantom.prediction, case, tmp_path)
    assert said == []
    assert (tmp_path / "scene.mrb").exists()


def test_where_nothing_can_be_rendered_it_is_said_once_and_the_scene_still_saved(
    application, case, phantom, said, tmp_path, monkeypatch
):
    monkeypatch.setattr(in_application, "can_render", lambda: (False, "There is no OpenGL."))
    files = SceneFiles(application, bundle=True, snapshots=True, say=said.append)
    for _ in range(2):
        assert files(phantom.prediction, case, tmp_path) == []
    assert (tmp_path / "scene.mrb").exists()
    assert said == ["No pictures: There is no OpenGL."]


def test_nothing_is_done_where_nothing_is_asked_for(application, case, phantom, said, tmp_path):
    files = SceneFiles(application, bundle=False, snapshots=False, say=said.append)
    assert files(phantom.prediction, case, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.gl
@pytest.mark.usefixtures("display")
def test_the_report_gets_the_3d_view_only_and_the_folder_all_pictures(application, case, phantom, said, tmp_path):
    files = SceneFiles(application, bundle=False, snapshots=True, say=said.append)
    (picture,) = files(phantom.prediction, case, tmp_path)
    assert picture.png == (tmp_path / "pictures" / "3d.png").read_bytes()
    assert len(list(tmp_path.glob("pictures/*.png"))) == 5


def test_views_that_the_application_has_are_kept(application, case, phantom, said, tmp_path):
    view = application.scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    view = view or application.scene.AddNode(_named_slice_node())
    files = SceneFiles(application, bundle=True, snapshots=False, say=said.append)
    shown = application.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    files(phantom.prediction, case, tmp_path)
    assert view.GetScene() is application.scene
    assert shown.GetScene() is application.scene
    (overlay,) = open_bundle(application.scene, tmp_path / "scene.mrb")
    maps = [composite.GetForegroundVolumeID() for composite in composites(application.scene)]
    assert overlay.voxel_attention[overlay.grade].GetID() in maps


def _named_slice_node():
    node = slicer.vtkMRMLSliceNode()
    node.SetLayoutName("Red")
    node.SetSingletonTag("Red")
    return node
