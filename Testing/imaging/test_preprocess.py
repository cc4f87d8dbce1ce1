from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.masks import bounding_box
from REACTKDLib.imaging.preprocess import network_grid, preprocess
from REACTKDLib.imaging.reading import read_volume
from REACTKDLib.imaging.regions import find_regions
from REACTKDLib.imaging.representations import representations
from REACTKDLib.imaging.spec import PreprocessingSpec

from .conftest import Abdomen, grid, rotation

SPEC = PreprocessingSpec(grid=(16, 48, 48))


@pytest.fixture(scope="module")
def case(abdomen, coarse_pet) -> Case:
    return Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": coarse_pet})


def itk_resampled(image: sitk.Image, target: Geometry) -> np.ndarray:
    """The oracle: one plain SimpleITK resampling onto the network's grid."""
    reference = sitk.Image(target.size, sitk.sitkFloat32)
    reference.SetSpacing(target.spacing)
    reference.SetOrigin(target.origin)
    reference.SetDirection(target.direction)
    return sitk.GetArrayFromImage(sitk.Resample(sitk.Cast(image, sitk.sitkFloat32), reference, sitk.Transform()))


def test_the_ct_is_clipped_scaled_and_standardised_with_the_models_constants(case):
    spec = replace(SPEC, zero="mean", ct_mean=0.4, ct_std=0.2)
    data = preprocess(case, spec)
    clipped = sitk.Clamp(case.ct, sitk.sitkFloat32, *spec.hu_window)
    expected = ((itk_resampled(clipped, data.grid) + 160) / 400 - 0.4) / 0.2
    inside = expected > (0 - 0.4) / 0.2
    assert np.allclose(data.channels["ct"][0][inside], expected[inside], atol=1e-4)


def test_the_three_representations_are_whole_liver_and_lesions(case):
    data = preprocess(case, SPEC)
    full, masked, lesion = data.channels["ct"]
    closer = full * 4  # 25 HU
    assert np.allclose(masked, np.where(data.label_map > 0, closer, 0), atol=1e-5)
    assert np.allclose(lesion, np.where(data.label_map > 1, closer, 0), atol=1e-5)


@pytest.mark.parametrize("zero", ["liver", "mean"])
def test_all_of_a_pet_has_one_unit(case, zero):
    data = preprocess(case, replace(SPEC, zero=zero))
    full, masked, _ = data.channels["fdg"]
    assert np.array_equal(masked, np.where(data.label_map > 0, full, 0))


@pytest.mark.parametrize("modality", ["ct", "fdg"])
def test_the_liver_is_zero(case, modality):
    data = preprocess(case, SPEC)
    assert data.channels[modality][0][data.label_map == 1].mean() == pytest.approx(0, abs=1e-5)


def test_a_ct_is_relative_to_the_liver_in_units_of_100_hu_and_of_25_within_the_liver(case):
    data = preprocess(case, SPEC)
    hu = data.scaled["ct"] * 400 - 160
    expected = (hu - hu[data.label_map == 1].mean()) / 100
    assert np.allclose(data.channels["ct"][0], expected, atol=1e-4)
    inside = data.label_map > 0
    assert np.allclose(data.channels["ct"][1][inside], 4 * expected[inside], atol=4e-4)


def test_a_ct_that_is_brighter_all_over_gives_the_same_input(case):
    brighter = Case.from_images(sitk.Cast(case.ct + 15, case.ct.GetPixelID()), case.liver, case.tumor)
    masked, lesion = preprocess(case, SPEC).channels["ct"][1:]
    assert np.allclose(masked, preprocess(brighter, SPEC).channels["ct"][1], atol=1e-4)
    assert np.allclose(lesion, preprocess(brighter, SPEC).channels["ct"][2], atol=1e-4)


def test_a_liver_that_is_all_lesion_has_the_cohorts_mean_for_zero():
    spec = replace(SPEC, ct_mean=0.4, ct_std=0.2)
    scaled, labels = np.full((1, 2, 2), 0.7, np.float32), np.full((1, 2, 2), 2, np.uint8)
    found = representations(scaled, labels, spec.ct_mean, spec.ct_std, spec.ct_std, spec.zero)
    assert np.allclose(found, 1.5)


def test_the_papers_lesions_are_raw_values(case):
    data = preprocess(case, replace(SPEC, zero="mean"))
    (full, masked, lesion), labels = data.channels["ct"], data.label_map
    assert np.array_equal(masked, np.where(labels > 0, full, 0))
    assert np.all(lesion[labels <= 1] == 0)
    # 60 HU on the window's [0, 1], away from the lesion's edge.
    assert np.median(lesion[labels > 1]) == pytest.approx((60 + 160) / 400, abs=0.02)


def test_lesions_are_not_binary_although_the_ct_is_16_bit(case):
    lesion = preprocess(case, SPEC).channels["ct"][2]
    assert len(np.unique(lesion)) > 10


def test_the_liver_profile_holds_the_liver_and_its_margin(case):
    data = preprocess(case, SPEC)
    corners = data.grid.corners()
    # The ellipsoid, plus 20 mm.
    assert np.allclose(corners.min(axis=0), [-40 - 70 - 20, 10 - 55 - 20, -20 - 60 - 20], atol=3)
    assert np.allclose(corners.max(axis=0), [-40 + 70 + 20, 10 + 55 + 20, -20 + 60 + 20], atol=3)


@pytest.mark.parametrize(
    "direction", [np.eye(3), np.diag([-1.0, -1, 1]), np.eye(3)[[2, 0, 1]]], ids=["LPS", "RAS", "permuted"]
)
def test_a_straight_scans_grid_is_to_the_last_bit_that_of_its_livers_box_along_the_ct(direction):
    """Models were trained with it, and caches hold it."""
    body = Abdomen(grid(spacing=(1.7, 2.3, 3.1), size=(160, 140, 80), direction=direction))
    case = Case.from_images(body.ct, body.liver, body.tumor)
    regions = find_regions(case, SPEC)
    corners = regions.geometry.crop(bounding_box(regions.label_map)).corners()
    low, high = corners.min(axis=0) - SPEC.margin_mm, corners.max(axis=0) + SPEC.margin_mm
    spacing = (high - low) / SPEC.grid[::-1]
    found = network_grid(case, regions, SPEC)
    assert found == Geometry(SPEC.grid[::-1], tuple(spacing), tuple(low + spacing / 2))


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("degrees", [10, 20, 45])
def test_an_oblique_scan_has_the_grid_of_a_straight_one(degrees, axis):
    cube = {"spacing": (2.0, 2.0, 2.5), "size": (150, 150, 110)}
    one, other = (
        network_grid(case, find_regions(case, SPEC), SPEC)
        for body in (Abdomen(grid(**cube)), Abdomen(grid(**cube, direction=rotation(degrees, axis))))
        for case in [Case.from_images(body.ct, body.liver, body.tumor)]
    )
    # A voxel that is turned reaches a little farther along the patient's axes.
    assert np.all(np.abs(np.subtract(one.corners(), other.corners())) < 2.5)
    assert np.allclose(one.spacing, other.spacing, rtol=0.03)


def test_the_paper_profile_holds_the_whole_field_of_view(case):
    data = preprocess(case, PreprocessingSpec.paper(grid=(16, 56, 56)))
    assert np.allclose(data.grid.corners().min(axis=0), case.geometry.corners().min(axis=0))
    assert np.allclose(data.grid.corners().max(axis=0), case.geometry.corners().max(axis=0))
    assert data.channels["ct"].shape == (3, 16, 56, 56)
    assert data.region_weights.shape[1:] == (2, 7, 7)


def test_the_feature_grid_covers_the_same_box(case):
    data = preprocess(case, SPEC)
    assert np.allclose(data.feature_grid.corners(), data.grid.corners())
    assert data.feature_grid.shape == data.region_weights.shape[1:] == (4, 12, 12)


@pytest.mark.parametrize("direction", [np.diag([-1.0, 1, -1]), np.eye(3)[[1, 2, 0]]], ids=["flipped", "permuted"])
def test_the_same_patient_stored_in_another_orientation_gives_the_same_input(direction):
    cube = {"spacing": (3.1, 3.1, 3.1), "size": (97, 97, 97)}
    one, other = (
        preprocess(Case.from_images(body.ct, body.liver, body.tumor, {"fdg": body.pet}), SPEC)
        for body in (Abdomen(grid(**cube)), Abdomen(grid(**cube, direction=direction)))
    )
    for modality in ("ct", "fdg"):
        assert np.allclose(one.channels[modality][0], other.channels[modality][0], atol=1e-3)
    # Voxel centres that lie half-way between two labels may go to either.
    assert np.mean(one.label_map != other.label_map) < 0.005
    assert np.allclose(one.region_weights, other.region_weights, atol=1e-6)


def test_an_oblique_scan_gives_nearly_the_same_input():
    cube = {"spacing": (3.0, 3.0, 3.0), "size": (100, 100, 100)}
    one, other = (
        preprocess(Case.from_images(body.ct, body.liver, body.tumor), replace(SPEC, margin_mm=30))
        for body in (Abdomen(grid(**cube)), Abdomen(grid(**cube, direction=rotation(90, 2) @ rotation(3, 1))))
    )
    # Its voxels lie elsewhere: compare where the lesions are, not voxel by voxel.
    for index in (1, 2):
        centres = [np.argwhere(d.label_map == index + 1).mean(axis=0)[::-1] for d in (one, other)]
        worlds = [d.grid.to_world(c) for d, c in zip((one, other), centres, strict=True)]
        assert np.allclose(*worlds, atol=2.5)


def test_pet_comes_onto_the_network_grid_through_world_coordinates(case):
    data = preprocess(case, replace(SPEC, zero="mean"))
    expected = itk_resampled(case.pet["fdg"], data.grid)
    low, high = np.percentile(expected, (1, 99))
    scaled = (np.clip(expected, low, high) - low) / (high - low)
    assert np.allclose(data.channels["fdg"][0], (scaled - scaled.mean()) / scaled.std(), atol=1e-3)


@given(st.floats(1e-5, 1e5))
@settings(max_examples=10, deadline=None)
def test_the_network_input_does_not_depend_on_the_unit_of_the_pet(factor):
    body = Abdomen(grid(spacing=(6, 6, 6), size=(60, 50, 35)))
    inputs = [
        preprocess(Case.from_images(body.ct, body.liver, body.tumor, {"fdg": pet}), SPEC).channels["fdg"]
        for pet in (body.pet, body.pet * factor)
    ]
    assert np.abs(inputs[0] - inputs[1]).max() < 1e-4


def test_a_constant_pet_counts_as_absent_with_a_finding(abdomen, coarse_pet):
    data = preprocess(Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": coarse_pet * 0 + 3}), SPEC)
    assert set(data.channels) == {"ct"}
    assert "pet_constant" in [finding.code for finding in data.findings]


def test_a_constant_pet_counts_as_absent_also_where_its_field_ends_inside_the_network_grid(abdomen):
    body = Abdomen(grid(spacing=(5, 5, 5), size=(32, 26, 28)))
    pet = body.geometry.image(np.full(body.geometry.shape, 500, np.float32))
    data = preprocess(Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": pet}), SPEC)
    assert set(data.channels) == {"ct"}


def test_a_lesion_between_the_network_voxels_is_still_in_the_lesion_channel(abdomen):
    tumor = abdomen.sphere((-70, 0, -10), 3).astype(np.uint8)
    data = preprocess(
        Case.from_images(abdomen.ct, abdomen.liver, abdomen.geometry.image(tumor)), replace(SPEC, grid=(4, 8, 8))
    )
    assert np.count_nonzero(data.label_map == 2) == 1
    assert np.count_nonzero(data.channels["ct"][2]) == 1


def test_channels_are_contiguous_float32(case):
    for channels in preprocess(case, SPEC).channels.values():
        assert channels.dtype == np.float32
        assert channels.flags.c_contiguous


def test_preprocessing_constants_survive_the_way_through_json():
    spec = PreprocessingSpec.paper(ct_mean=0.31)
    assert PreprocessingSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize("change", [{"hu_window": None}, {"zoom": 2}], ids=["missing", "unknown"])
def test_a_spec_with_missing_or_unknown_constants_is_refused(change):
    values = {k: v for k, v in {**SPEC.to_dict(), **change}.items() if v is not None}
    with pytest.raises(TypeError):
        PreprocessingSpec.from_dict(values)


@pytest.mark.real_data
def test_a_real_liver_without_tumour_is_a_liver_only_graph(data):
    folder = data / "totalsegmentator_ct"
    case = Case.from_files(
        ct=folder / "example_ct.nii.gz", segmentation=folder / "example_seg_fast_force_split.nii.gz", liver_segment="5"
    )
    found = preprocess(case, SPEC)
    assert [region.id for region in found.regions.items] == ["liver"]
    assert found.regions.items[0].volume_ml == pytest.approx(41692 * 0.027, rel=0.03)
    assert {finding.code for finding in found.findings} == {"liver_cut_off", "no_lesion"}


@pytest.mark.real_data
def test_a_label_map_of_shifted_geometry_does_not_fit_the_ct(data):
    folder = data / "totalsegmentator_ct"
    with pytest.raises(CaseError, match="does not fit the CT") as caught:
        Case.from_files(ct=folder / "example_ct.nii.gz", segmentation=folder / "example_seg.nii.gz", liver_segment="5")
    assert caught.value.code == "liver_does_not_fit"


@pytest.fixture(scope="module")
def petct(data, tmp_path_factory):
    """A real PET/CT pair on different grids, as DICOM folders."""
    import tarfile

    folder = tmp_path_factory.mktemp("sts001")
    with tarfile.open(data / "sts001_petct" / "STS_001_IBSI_CT_PET_dicom.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    image_folders = {path.parent for path in folder.rglob("*") if path.is_file() and path.parent.name == "image"}
    return {path.parent.name: path for path in image_folders}


@pytest.mark.real_data
def test_a_real_pet_on_its_own_grid_meets_the_ct_in_world_coordinates(data, petct):
    ct, pet = read_volume(petct["CT"], "ct"), read_volume(petct["PET"], "fdg")
    assert ct.GetSpacing() != pet.GetSpacing()
    mass = sitk.ReadImage(str(data / "sts001_petct" / "nifti" / "CT_mask.nii.gz"))
    # A thigh: its mass stands in for the liver, which is what is resampled here.
    results = [
        preprocess(Case.from_images(ct, mass, None, {"fdg": image}), replace(SPEC, zero="mean"))
        for image in (pet, pet / 2.429029766e-4)
    ]
    assert np.abs(results[0].channels["fdg"] - results[1].channels["fdg"]).max() < 1e-4
    expected = itk_resampled(pet, results[0].grid)
    low, high = np.percentile(expected, (1, 99))
    scaled = (np.clip(expected, low, high) - low) / (high - low)
    assert np.allclose(results[0].channels["fdg"][0], (scaled - scaled.mean()) / scaled.std(), atol=1e-3)
    uptake = results[0].regions.items[0].pet["fdg"]
    # The source states SUVmax 7.911 and mean 2.555 for the mass drawn on the PET; this one was drawn on the CT.
    assert uptake.max == pytest.approx(7.9, abs=0.3)
    assert uptake.mean == pytest.approx(2.5, abs=0.5)
