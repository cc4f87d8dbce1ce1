"""What goes with an overlay, and what outlives it."""

import pytest
import slicer
import vtk

from REACTKDLib.scene import hierarchy
from REACTKDLib.scene.bundle import open_bundle, write_bundle
from REACTKDLib.scene.overlay import build_overlay, find_overlays, remove_overlay
from REACTKDLib.scene.volumes import CaseVolumes, add_case_volumes


def test_the_users_volumes_are_used_as_they_are_and_outlive_the_overlay(scene, phantom):
    volumes = add_case_volumes(scene, phantom.images)
    volumes.ct.GetDisplayNode().SetWindowLevel(150, 90)
    overlay = build_overlay(scene, phantom.prediction, volumes)
    assert overlay.ct is volumes.ct
    assert volumes.ct.GetDisplayNode().GetWindow() == 150
    assert hierarchy.folder_of(volumes.ct) is None
    remove_overlay(overlay.parameters)
    assert volumes.ct.GetScene() is scene


def test_images_that_one_overlay_brought_outlive_another_overlay_on_them(scene, phantom):
    brought = build_overlay(scene, phantom.prediction, phantom.images)
    again = build_overlay(scene, phantom.prediction, CaseVolumes(brought.ct, brought.pet))
    remove_overlay(again.parameters)
    assert [overlay.parameters for overlay in find_overlays(scene)] == [brought.parameters]


@pytest.fixture
def content(scene, phantom):
    """Tells the scene's nodes by id, and how many items its subject hierarchy has."""
    # Of what comes with a first overlay, some stays: cameras, for one.
    build_overlay(scene, phantom.prediction, phantom.images)
    scene.Clear(0)

    def content():
        tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        nodes = {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())} - {tree.GetID()}
        return nodes, tree.GetNumberOfItems()

    return content


def test_removing_an_overlay_leaves_nothing_behind(scene, phantom, content):
    before = content()
    remove_overlay(build_overlay(scene, phantom.prediction, phantom.images).parameters)
    assert content() == before


@pytest.mark.parametrize("lost", ["chart", "segmentation", "colors", "prediction"])
def test_an_overlay_that_lost_a_node_is_removed_with_all_that_is_left_of_it(scene, phantom, content, lost):
    nodes, items = content()
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    node = getattr(overlay, lost)
    if lost == "segmentation":
        for helper in (node.GetDisplayNode(), node.GetStorageNode()):
            scene.RemoveNode(helper)
    hierarchy.remove_item(node)
    scene.RemoveNode(node)
    remove_overlay(overlay.parameters)
    assert content() == (nodes, items)


def test_a_reopened_overlay_can_be_removed_too(scene, phantom, content, tmp_path):
    before = content()
    build_overlay(scene, phantom.prediction, phantom.images)
    (overlay,) = open_bundle(scene, write_bundle(scene, tmp_path / "scene.mrb"))
    remove_overlay(overlay.parameters)
    assert content() == before


def test_a_study_into_which_a_node_was_dragged_outlives_the_overlay(scene, phantom):
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "Study")
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    folder = hierarchy.folder_of(overlay.labels)
    tree.SetItemParent(tree.GetItemByDataNode(overlay.segmentation), study)
    remove_overlay(overlay.parameters)
    assert tree.GetItemName(study) == "Study"
    assert folder not in children(tree, tree.GetSceneItemID())


def test_a_folder_that_the_user_has_put_something_into_outlives_the_overlay(scene, phantom):
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    folder = hierarchy.folder_of(overlay.labels)
    theirs = tree.CreateItem(folder, scene.AddNewNodeByClass("vtkMRMLTextNode", "Notes"))
    remove_overlay(overlay.parameters)
    assert children(tree, folder) == [theirs]


def children(tree, item):
    found = vtk.vtkIdList()
    tree.GetItemChildren(item, found)
    return [found.GetId(index) for index in range(found.GetNumberOfIds())]


def test_two_cases_share_a_scene_and_one_can_go(scene, make_phantom):
    first, second = make_phantom(case="a"), make_phantom(case="b", lesions=1)
    build_overlay(scene, first.prediction, first.images)
    build_overlay(scene, second.prediction, second.images)
    overlays = {overlay.case: overlay for overlay in find_overlays(scene)}
    assert set(overlays) == {"a", "b"}
    remove_overlay(overlays["a"].parameters)
    assert [overlay.case for overlay in find_overlays(scene)] == ["b"]
    assert len(overlays["b"].regions) == 2


@pytest.mark.parametrize("lost", ["edge_table", "voxel_attention"])
def test_an_overlay_that_lost_a_node_is_not_found(scene, overlay, lost):
    node = getattr(overlay, lost)
    scene.RemoveNode(node[0] if isinstance(node, tuple) else node)
    assert find_overlays(scene) == ()
