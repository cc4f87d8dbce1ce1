import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture
def image(tmp_path):
    """A volume of 4 x 3 x 2 voxels, and its values (D, H, W)."""
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = tmp_path / "some.patient.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(values), path)
    return path, values


def test_a_volume_is_loaded_shown_and_saved_again(host, image, tmp_path):
    import slicer

    path, values = image
    node = slicer.util.loadVolume(str(path), {"name": "ct"})
    assert node.GetName() == "ct"
    assert (slicer.util.arrayFromVolume(node) == values).all()
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert red.GetBackgroundVolumeID() == node.GetID()
    assert slicer.util.saveNode(node, str(tmp_path / "again.nrrd"))
    assert (sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / "again.nrrd")) == values).all()


def test_a_volume_can_be_a_label_map_and_stay_unseen(host, image):
    import slicer

    node = slicer.util.loadVolume(str(image[0]), {"labelmap": True, "show": False})
    assert node.IsA("vtkMRMLLabelMapVolumeNode")
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert not red.GetLabelVolumeID()


def test_a_segmentation_keeps_its_segments(host, tmp_path):
    import slicer

    node = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "masks")
    reference = slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.int16))
    liver = node.GetSegmentation().AddEmptySegment("liver", "Liver")
    mask = np.zeros((4, 5, 6), np.uint8)
    mask[1:3, 1:4, 2:5] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, liver, reference)
    path = str(tmp_path / "masks.seg.nrrd")
    assert slicer.util.saveNode(node, path)
    host.close_scene()
    again = slicer.util.loadSegmentation(path)
    assert again.GetSegmentation().GetSegment("liver").GetName() == "Liver"
    assert slicer.util.arrayFromSegmentInternalBinaryLabelmap(again, "liver").sum() == mask.sum()


@pytest.mark.parametrize("name", ["scene.mrb", "scene.mrml"])
def test_a_scene_comes_back(host, tmp_path, name):
    import slicer

    host.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift").SetAttribute("kept", "yes")
    path = str(tmp_path / name)
    assert slicer.util.saveScene(path)
    host.close_scene()
    slicer.util.loadScene(path)
    assert slicer.util.getNode("shift").GetAttribute("kept") == "yes"


def test_what_is_not_there_cannot_be_loaded(host, tmp_path):
    import slicer

    for load in (slicer.util.loadVolume, slicer.util.loadSegmentation):
        with pytest.raises(RuntimeError, match=r"nothing\.nrrd"):
            load(str(tmp_path / "nothing.nrrd"))


def test_data_nodes_are_in_the_subject_hierarchy_by_themselves(host):
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(host.scene)
    node = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "ct")
    assert hierarchy.GetItemDataNode(hierarchy.GetItemByDataNode(node)) is node
    assert not hierarchy.GetItemByDataNode(slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode())


def test_the_application_says_what_it_is_and_where_its_files_are(host):
    from pathlib import Path

    import slicer

    assert (slicer.app.majorVersion, slicer.app.minorVersion) == (5, 12)
    assert slicer.app.testingEnabled() is False
    assert slicer.util.mainWindow() is None
    for folder in (slicer.app.temporaryPath, slicer.app.slicerHome):
        assert Path(folder).is_dir()
    assert slicer.app.coreIOManager().fileType("masks.SEG.nrrd") == "SegmentationFile"
    with pytest.raises(AttributeError):
        slicer.app.temporaryPth  # noqa: B018
