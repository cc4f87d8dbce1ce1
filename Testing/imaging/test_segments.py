import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.segments import read_masks
from REACTKDLib.imaging.shear import is_sheared


def label_map(path, **voxels) -> str:
    """voxels: l1=3 sets three voxels to label 1."""
    array = np.zeros((4, 5, 6), np.uint8)
    flat = array.ravel()
    start = 0
    for name, count in voxels.items():
        flat[start : start + count] = int(name[1:])
        start += count
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return str(path)


def slicer_segmentation(path, segments, layers=1) -> str:
    """segments: (name, layer, label, voxels)."""
    array = np.zeros((4, 5, 6, layers), np.uint8)
    for start, (_, layer, label, count) in enumerate(segments):
        view = array[..., layer].reshape(-1)
        view[20 * start : 20 * start + count] = label
        array[..., layer] = view.reshape(4, 5, 6)
    image = sitk.GetImageFromArray(array if layers > 1 else array[..., 0], isVector=layers > 1)
    for index, (name, layer, label, _) in enumerate(segments):
        for field, value in (("ID", f"Segment_{index}"), ("Name", name), ("Layer", layer), ("LabelValue", label)):
            image.SetMetaData(f"Segment{index}_{field}", str(value))
    sitk.WriteImage(image, str(path))
    return str(path)


def counts(masks) -> list[int | None]:
    return [None if m is None else int(sitk.GetArrayViewFromImage(m).sum()) for m in masks]


def code(**options) -> str:
    with pytest.raises(CaseError) as caught:
        read_masks(**options)
    assert caught.value.hint
    return caught.value.code


def test_segments_of_overlapping_layers_are_found_by_name(tmp_path):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Liver", 0, 1, 15), ("Tumor", 1, 1, 7)], layers=2)
    assert counts(read_masks(segmentation=path)) == [15, 7]


def test_segments_of_one_layer_are_found_by_name_and_label(tmp_path):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Spleen", 0, 1, 9), ("Liver", 0, 2, 15), ("Mass", 0, 3, 4)])
    assert counts(read_masks(segmentation=path)) == [15, 4]


@pytest.mark.parametrize("name", ["Tumors", "LiverTumor", "Läsion", "liver tumor"])
def test_a_tumour_may_be_called_by_any_of_its_names(tmp_path, name):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Liver", 0, 1, 15), (name, 0, 2, 4)])
    assert counts(read_masks(segmentation=path)) == [15, 4]


def test_a_liver_that_was_drawn_without_its_tumour_is_not_part_of_the_tumour(tmp_path):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Liver without tumor", 0, 1, 15), ("Tumor", 0, 2, 4)])
    assert counts(read_masks(segmentation=path)) == [15, 4]


def test_liver_vessels_are_not_taken_for_the_liver_nor_every_mass_for_a_word(tmp_path):
    path = slicer_segmentation(
        tmp_path / "s.seg.nrrd", [("Liver vessels", 0, 1, 3), ("Liver", 0, 2, 15), ("Massive ascites", 0, 3, 5)]
    )
    assert counts(read_masks(segmentation=path)) == [15, None]


def test_several_lesion_segments_are_one_tumour_mask(tmp_path):
    path = slicer_segmentation(
        tmp_path / "s.seg.nrrd", [("Liver", 0, 1, 15), ("Lesion 1", 0, 2, 4), ("Lesion 2", 0, 3, 6)]
    )
    assert counts(read_masks(segmentation=path)) == [15, 10]


def test_a_segment_that_slicer_numbered_by_itself_belongs_to_the_tumour(tmp_path):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Liver", 0, 1, 15), ("Tumor", 0, 2, 4), ("Tumor_1", 0, 3, 6)])
    assert counts(read_masks(segmentation=path)) == [15, 10]


def test_a_label_value_that_several_layers_share_is_refused(tmp_path):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Liver", 0, 1, 15), ("Tumor", 1, 1, 7)], layers=2)
    assert code(segmentation=path, tumor_segment="1") == "unknown_segment"


@pytest.mark.parametrize(("field", "value"), [("LabelValue", "x"), ("Layer", "9")])
def test_a_segmentation_that_describes_itself_wrongly_is_refused(tmp_path, field, value):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Liver", 0, 1, 15), ("Tumor", 0, 2, 4)])
    image = sitk.ReadImage(path)
    image.SetMetaData(f"Segment1_{field}", value)
    sitk.WriteImage(image, path)
    assert code(segmentation=path) == "unreadable"


def test_a_segment_is_found_by_the_name_or_the_label_value_that_was_given(tmp_path):
    path = label_map(tmp_path / "organs.nii.gz", l1=9, l5=30, l7=2)
    assert counts(read_masks(segmentation=path, liver_segment="5")) == [30, None]
    assert counts(read_masks(segmentation=path, liver_segment="5", tumor_segment="7")) == [30, 2]


def test_in_a_label_map_of_ones_and_twos_the_liver_is_one_and_the_tumour_two(tmp_path):
    assert counts(read_masks(segmentation=label_map(tmp_path / "lits.nii.gz", l1=30, l2=4))) == [30, 4]


def test_in_a_label_map_of_many_organs_one_is_not_taken_for_the_liver(tmp_path):
    assert code(segmentation=label_map(tmp_path / "organs.nii.gz", l1=9, l5=30)) == "unknown_labels"


def test_masks_in_files_of_their_own_are_read_whatever_their_value(tmp_path):
    liver, tumor = label_map(tmp_path / "l.nrrd", l255=20), label_map(tmp_path / "t.nrrd", l3=6)
    assert counts(read_masks(liver=liver, tumor=tumor)) == [20, 6]


def test_an_empty_tumour_file_means_no_tumour(tmp_path):
    liver, tumor = label_map(tmp_path / "l.nrrd", l1=20), label_map(tmp_path / "t.nrrd")
    assert counts(read_masks(liver=liver, tumor=tumor)) == [20, None]


def test_an_empty_liver_file_is_refused(tmp_path):
    assert code(liver=label_map(tmp_path / "l.nrrd")) == "empty_liver"


def test_a_segmentation_without_a_liver_is_refused_with_the_names_it_has(tmp_path):
    path = slicer_segmentation(tmp_path / "s.seg.nrrd", [("Spleen", 0, 1, 9), ("Kidney", 0, 2, 4)])
    with pytest.raises(CaseError, match="'Spleen', 'Kidney'") as caught:
        read_masks(segmentation=path)
    assert caught.value.code == "no_liver_segment"


def test_a_segment_that_is_not_there_is_refused(tmp_path):
    path = label_map(tmp_path / "organs.nii.gz", l1=9, l5=30)
    assert code(segmentation=path, liver_segment="6") == "unknown_segment"


def test_an_image_is_not_taken_for_labels(tmp_path):
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32))
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    assert code(liver=tmp_path / "ct.nii.gz") == "not_labels"


def test_no_mask_at_all_is_refused():
    assert code() == "no_liver_mask"


LIVER, INSIDE, BESIDE, ACROSS = (
    np.s_[3:17, 3:17, 3:17], np.s_[8:12, 8:12, 8:12], np.s_[4:10, 4:10, 17:19], np.s_[8:12, 8:12, 15:25],
)  # fmt: skip


def drawn(path, layers=1, **boxes) -> str:
    """A Slicer segmentation of boxes; in one layer, what comes later takes voxels from what came before."""
    array = np.zeros((20, 20, 30, layers), np.uint8)
    for index, box in enumerate(boxes.values()):
        array[(*box, min(index, layers - 1))] = index + 1
    image = sitk.GetImageFromArray(array if layers > 1 else array[..., 0], isVector=layers > 1)
    for index, name in enumerate(boxes):
        fields = {"ID": name, "Name": name, "Layer": min(index, layers - 1), "LabelValue": index + 1}
        for field, value in fields.items():
            image.SetMetaData(f"Segment{index}_{field}", str(value))
    sitk.WriteImage(image, str(path))
    return str(path)


def found(**options) -> list[str]:
    findings = []
    read_masks(**options, findings=findings)
    assert all((finding.severity, finding.code) == ("warning", "segments_not_used") for finding in findings)
    return [finding.message for finding in findings]


@pytest.mark.parametrize("layers", [1, 2])
def test_a_segment_in_the_liver_is_named_where_no_tumour_was_found_be_it_a_hole_in_it_or_part_of_it(tmp_path, layers):
    path = drawn(tmp_path / "s.seg.nrrd", layers, Liver=LIVER, Target=INSIDE)
    (message,) = found(segmentation=path)
    assert "'Target'" in message
    assert "--tumor-segment" in message
    assert found(segmentation=path, tumor_segment="Target") == []


@pytest.mark.parametrize(
    "boxes", [{"Gallbladder": BESIDE}, {"Kidney": ACROSS}, {"Portal_vein": INSIDE}, {"Empty": np.s_[:0, :, :]}]
)
def test_what_lies_beside_the_liver_or_is_one_of_its_vessels_is_no_tumour_that_was_forgotten(tmp_path, boxes):
    assert found(segmentation=drawn(tmp_path / "s.seg.nrrd", Liver=LIVER, **boxes)) == []


def test_where_a_tumour_was_found_other_segments_are_not_named(tmp_path):
    path = drawn(tmp_path / "s.seg.nrrd", Liver=LIVER, Target=INSIDE, Tumor=BESIDE)
    assert found(segmentation=path) == []


def test_a_tumour_in_a_file_that_was_given_as_the_livers_is_not_passed_over_in_silence(tmp_path):
    (message,) = found(liver=drawn(tmp_path / "s.seg.nrrd", Liver=LIVER, Tumor=INSIDE))
    assert "'Tumor'" in message


def test_a_tumour_file_that_is_empty_says_that_there_is_none(tmp_path):
    path = drawn(tmp_path / "s.seg.nrrd", Liver=LIVER, Target=INSIDE)
    empty = drawn(tmp_path / "t.nrrd", Tumor=np.s_[:0, :, :])
    assert found(segmentation=path, tumor=empty) == []


def test_a_segmentation_is_asked_only_for_what_no_other_file_gives(tmp_path):
    tumors = slicer_segmentation(tmp_path / "tumors.seg.nrrd", [("Tumor", 0, 1, 4), ("Cyst", 0, 2, 3)])
    livers = slicer_segmentation(tmp_path / "livers.seg.nrrd", [("Liver", 0, 1, 15), ("Tumor", 0, 2, 2)])
    liver, tumor = label_map(tmp_path / "l.nrrd", l1=20), label_map(tmp_path / "t.nrrd", l1=7, l2=6)
    assert counts(read_masks(segmentation=tumors, liver=liver)) == [20, 4]
    assert counts(read_masks(segmentation=livers, tumor=tumor, tumor_segment="2")) == [15, 6]
    assert counts(read_masks(segmentation=tumors, liver=liver, tumor=tumor, tumor_segment="1")) == [20, 7]


def test_the_warning_reaches_the_case(tmp_path, abdomen):
    image = abdomen.geometry.image(np.where(abdomen.tumor_array, 2, abdomen.liver_array).astype(np.uint8))
    for index, name in enumerate(("Liver", "Target")):
        for field, value in {"ID": name, "Name": name, "Layer": 0, "LabelValue": index + 1}.items():
            image.SetMetaData(f"Segment{index}_{field}", str(value))
    sitk.WriteImage(image, str(tmp_path / "s.seg.nrrd"))
    sitk.WriteImage(abdomen.ct, str(tmp_path / "ct.nrrd"))
    case = Case.from_files(ct=tmp_path / "ct.nrrd", segmentation=tmp_path / "s.seg.nrrd")
    assert "segments_not_used" in [finding.code for finding in case.findings]


def test_a_mask_on_a_sheared_grid_is_straightened_and_keeps_its_volume(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((20, 20, 20), np.uint8))
    image.SetDirection((1, 0, 0, 0, 1, 0.4, 0, 0, 1))  # of determinant 1: every voxel is one cubic millimetre
    image[5:15, 5:15, 5:15] = 1
    sitk.WriteImage(image, str(tmp_path / "l.nrrd"))
    liver, _ = read_masks(liver=tmp_path / "l.nrrd")
    assert not is_sheared(Geometry.of(liver))
    assert counts([liver])[0] * Geometry.of(liver).voxel_ml == pytest.approx(1.0, rel=0.05)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["hcc007.seg.nrrd", "hcc007_single_layer.seg.nrrd"])
def test_both_layouts_of_a_real_slicer_segmentation_hold_the_same_tumour(hcc007, name):
    _, tumor = read_masks(segmentation=hcc007 / name)
    assert counts([tumor]) == [515_801 + 2_703]
