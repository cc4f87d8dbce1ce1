import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.segments import read_masks
from training.cohorts.dicom_seg import LIVER, TUMOR, VESSELS, Seg, read_seg, write_seg
from training.cohorts.errors import CohortError


@pytest.fixture
def seg(tmp_path, add_study):
    add_study(tmp_path, "c", "p", acquisitions={1: 0.0})
    return next(tmp_path.glob("c/p/*/SEG_*/seg.dcm"))


def test_the_mass_lies_over_the_vessels_and_they_over_the_liver(seg, masks):
    array = sitk.GetArrayFromImage(read_seg(seg))
    vessels = (masks["Portal vein"] | masks["Abdominal aorta"]) & ~masks["Mass"]
    assert np.array_equal(array == TUMOR, masks["Mass"])
    assert np.array_equal(array == VESSELS, vessels)
    assert np.array_equal(array == LIVER, masks["Liver"] & ~masks["Mass"] & ~vessels)


def test_the_grid_is_that_of_the_ct_it_was_drawn_on(seg):
    reader = sitk.ImageSeriesReader()
    ct_folder = next(seg.parents[1].glob("CT_*"))
    ct = sitk.ReadImage(reader.GetGDCMSeriesFileNames(str(ct_folder)))
    image = read_seg(seg)
    assert image.GetSize() == ct.GetSize()
    np.testing.assert_allclose(image.GetSpacing(), ct.GetSpacing())
    np.testing.assert_allclose(image.GetOrigin(), ct.GetOrigin())
    np.testing.assert_allclose(image.GetDirection(), ct.GetDirection())


def test_frames_in_any_order_make_the_same_mask(seg, tmp_path):
    dataset = pydicom.dcmread(seg)
    frames = dataset.pixel_array[::-1]
    groups = list(dataset.PerFrameFunctionalGroupsSequence)[::-1]
    dataset.PerFrameFunctionalGroupsSequence = pydicom.Sequence(groups)
    dataset.PixelData = pydicom.pixels.pack_bits(frames)
    dataset.save_as(tmp_path / "backwards.dcm")
    expected, found = (sitk.GetArrayFromImage(read_seg(path)) for path in (seg, tmp_path / "backwards.dcm"))
    assert np.array_equal(found, expected)


def test_it_is_read_back_from_slicers_format_as_liver_and_tumour(seg, tmp_path, masks):
    write_seg(read_seg(seg), tmp_path / "masks" / "p.seg.nrrd")
    liver, tumor = read_masks(segmentation=tmp_path / "masks" / "p.seg.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(tumor) > 0, masks["Mass"])
    vessels = masks["Portal vein"] | masks["Abdominal aorta"]
    assert np.array_equal(sitk.GetArrayFromImage(liver) > 0, masks["Liver"] & ~masks["Mass"] & ~vessels)


def test_a_segment_that_all_frames_share_is_found(tmp_path, add_study, masks):
    add_study(tmp_path, "c", "p", acquisitions={1: 0.0}, masks={"Liver": masks["Liver"]})
    path = next(tmp_path.glob("c/p/*/SEG_*/seg.dcm"))
    assert "SegmentIdentificationSequence" in pydicom.dcmread(path).SharedFunctionalGroupsSequence[0]
    assert np.array_equal(sitk.GetArrayFromImage(read_seg(path)) == LIVER, masks["Liver"])


def test_a_file_without_a_liver_says_what_it_has(tmp_path, add_study, masks):
    add_study(tmp_path, "c", "p", acquisitions={1: 0.0}, masks={"Spleen": masks["Liver"]})
    with pytest.raises(CohortError, match="'Spleen'") as caught:
        read_seg(next(tmp_path.glob("c/p/*/SEG_*/seg.dcm")))
    assert caught.value.code == "no_liver_segment"


def test_a_ct_slice_is_no_segmentation(seg):
    with pytest.raises(CohortError, match="not a segmentation"):
        Seg.read(next(seg.parents[1].glob("CT_*/*.dcm")))


@pytest.mark.real_data
def test_a_public_liver_has_its_known_voxels_in_their_known_places(data):
    folder = data / "dcmqi_liver_seg"
    image = read_seg(folder / "liver.dcm")
    reference = sitk.Resample(
        sitk.ReadImage(str(folder / "liver_seg.nrrd")), image, sitk.Transform(), sitk.sitkNearestNeighbor
    )
    mask = sitk.GetArrayFromImage(image) == LIVER
    assert mask.sum() == 107_098  # SOURCE.txt
    assert np.array_equal(mask, sitk.GetArrayFromImage(reference) > 0)
    volume = highdicom.seg.segread(folder / "liver.dcm").get_volume(combine_segments=False)
    assert np.array_equal(mask[::-1], volume.array[..., 0] > 0)  # highdicom's slices descend in this file
