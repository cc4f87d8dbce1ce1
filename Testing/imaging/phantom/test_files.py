"""A written phantom reads back as it was made, also in Slicer, and a disk that does not take it is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.phantom import PhantomError, PhantomSettings, write_phantom


@pytest.fixture(scope="module", params=[0, 3], ids=["no lesion", "three lesions"])
def written(request, made, tmp_path_factory):
    patient = made(12, 2, request.param)
    folder = tmp_path_factory.mktemp("phantoms") / "new" / "case"
    write_phantom(patient.phantom, folder)
    return patient, folder


@pytest.fixture(scope="module")
def phantom(made):
    return made(12, 2, 3).phantom


def test_written_images_read_back_equal(written):
    patient, folder = written
    files = {"ct": "ct", "fdg": "pet_fdg", "act": "pet_act", "liver": "liver", "tumor": "tumor"}
    for name, image in patient.images.items():
        again = sitk.ReadImage(str(folder / f"{files[name]}.nii.gz"))
        assert again.GetPixelID() == image.GetPixelID()
        assert np.array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(image))
        assert Geometry.of(again).matches(Geometry.of(image))


def test_the_description_says_that_it_is_a_phantom_and_remakes_it(written, made):
    patient, folder = written
    values = json.loads((folder / "phantom.json").read_text(encoding="utf-8"))
    assert values["phantom"] is True
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in values["settings"].items()}
    again = made(values["seed"], values["grade"], len(values["lesions"]), PhantomSettings(**tuples))
    assert again.same_images(patient)
    volumes = [lesion.volume_ml for lesion in patient.phantom.lesions]
    assert [lesion["volume_ml"] for lesion in values["lesions"]] == volumes


def test_the_segmentation_holds_both_masks_in_overlapping_layers(written):
    patient, folder = written
    image = sitk.ReadImage(str(folder / "segmentation.seg.nrrd"))
    layers = np.moveaxis(sitk.GetArrayFromImage(image), -1, 0)
    for layer, (name, expected) in enumerate((("Liver", patient.liver), ("Tumor", patient.tumor))):
        assert np.array_equal(layers[layer], expected)
        assert image.GetMetaData(f"Segment{layer}_Name") == name
        assert image.GetMetaData(f"Segment{layer}_Layer") == str(layer)
        indices = np.nonzero(layers[layer])[::-1]
        extent = [f"{i.min()} {i.max()}" for i in indices] if indices[0].size else ["0 -1"] * 3
        assert image.GetMetaData(f"Segment{layer}_Extent") == " ".join(extent)


def test_slicer_opens_the_segmentation_with_both_segments_in_place(written):
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    from vtk.util.numpy_support import vtk_to_numpy

    patient, folder = written
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(folder / "segmentation.seg.nrrd"))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    assert [segmentation.GetSegment(i).GetName() for i in ids] == ["Liver", "Tumor"]
    assert "Liver" in segmentation.GetSegment(ids[0]).GetTerminology()
    for segment_id, expected in zip(ids, (patient.liver, patient.tumor), strict=True):
        labelmap = slicer.vtkOrientedImageData()
        node.GetBinaryLabelmapRepresentation(segment_id, labelmap)
        scalars = labelmap.GetPointData().GetScalars()
        voxels = vtk_to_numpy(scalars) if scalars else np.zeros(0)
        assert np.count_nonzero(voxels) == expected.sum()


@pytest.mark.parametrize("place", ["taken", "taken/case"])
def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(phantom, tmp_path, place):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(PhantomError) as error:
        write_phantom(phantom, tmp_path / place)
    assert error.value.code == "output_not_writable"
    assert str(tmp_path / place) in error.value.message
    assert error.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("file", ["ct.nii.gz", "tumor.nii.gz", "segmentation.seg.nrrd", "phantom.json"])
def test_a_full_disk_is_noticed_whichever_file_it_cuts_short(phantom, tmp_path, file):
    (tmp_path / file).symlink_to("/dev/full")
    with pytest.raises(PhantomError) as error:
        write_phantom(phantom, tmp_path)
    assert error.value.code == "output_not_writable"
    assert error.value.hint
