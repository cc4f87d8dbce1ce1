from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.preprocess import network_grid
from REACTKDLib.imaging.regions import Region, Regions, find_regions
from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.imaging.weights import region_weights

from .conftest import LESIONS, Abdomen, grid, rotation

SPEC = PreprocessingSpec()


def with_tumor(abdomen: Abdomen, spheres) -> Case:
    """The abdomen's liver with these lesions: (centre LPS mm, radius mm)."""
    mask = np.any([abdomen.sphere(centre, radius) for centre, radius in spheres], axis=0)
    return Case.from_images(abdomen.ct, abdomen.liver, abdomen.geometry.image(mask.astype(np.uint8)))


def regions_codes(case: Case) -> list[str]:
    return [finding.code for finding in find_regions(case, SPEC).findings]


@pytest.mark.parametrize(
    "direction",
    [
        np.eye(3),
        np.diag([-1.0, 1, 1]),
        np.diag([1.0, -1, -1]),
        np.eye(3)[[2, 0, 1]],
        rotation(17, 1) @ rotation(-25, 2),
    ],
    ids=["LPS", "flipped x", "flipped y and z", "permuted", "oblique"],
)
def test_each_lesion_is_a_region_at_its_place_in_any_orientation(direction):
    body = Abdomen(grid(spacing=(3.0, 3.0, 3.0), size=(100, 100, 100), direction=direction))
    liver, *lesions = find_regions(Case.from_images(body.ct, body.liver, body.tumor), SPEC).items
    assert liver.id == "liver"
    for region, (centre, radius) in zip(lesions, LESIONS, strict=True):
        assert np.allclose(region.centroid_lps_mm, centre, atol=0.5)
        assert region.volume_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.1)
        assert region.mean_hu == pytest.approx(60, abs=1)
    assert liver.mean_hu == pytest.approx(110, abs=1)


def test_volumes_of_all_regions_add_up_to_the_liver(abdomen):
    case = Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor)
    total = sum(region.volume_ml for region in find_regions(case, SPEC).items)
    mask = np.count_nonzero(sitk.GetArrayViewFromImage(case.liver)) * case.geometry.voxel_ml
    assert total == pytest.approx(mask, rel=0.01)


def test_lesions_are_numbered_by_falling_volume(abdomen):
    case = with_tumor(abdomen, [((-70, 0, -10), 8), ((0, 25, -40), 14), ((-40, 30, -45), 11)])
    volumes = [region.volume_ml for region in find_regions(case, SPEC).items[1:]]
    assert volumes == sorted(volumes, reverse=True)
    assert [region.id for region in find_regions(case, SPEC).items] == ["liver", "lesion_1", "lesion_2", "lesion_3"]


def test_a_tumour_component_below_the_smallest_lesion_is_dropped_and_counted(abdomen):
    case = with_tumor(abdomen, [((-70, 0, -10), 15), ((0, 25, -40), 1.2)])
    regions = find_regions(case, SPEC)
    assert len(regions.items) == 2
    assert [finding.code for finding in regions.findings] == ["lesions_dropped"]


def test_more_lesions_than_nodes_share_the_last_one_and_it_is_said(abdomen):
    spheres = [((x, y, -20), 4) for x in (-80, -60, -40, -20, 0) for y in (-10, 15)]
    regions = find_regions(with_tumor(abdomen, spheres), replace(SPEC, max_lesions=4))
    assert len(regions.items) == 5
    assert [finding.code for finding in regions.findings] == ["lesions_merged"]
    assert sum(r.volume_ml for r in regions.items[1:]) == pytest.approx(10 * 4 / 3 * np.pi * 64 / 1000, rel=0.2)
    assert regions.items[-1].volume_ml > regions.items[1].volume_ml


def test_a_case_without_a_tumour_is_a_liver_only_and_says_so(abdomen):
    regions = find_regions(Case.from_images(abdomen.ct, abdomen.liver), SPEC)
    assert [region.id for region in regions.items] == ["liver"]
    assert [finding.code for finding in regions.findings] == ["no_lesion"]


def test_a_speck_away_from_the_liver_does_not_belong_to_it(abdomen):
    def regions(mask):
        return find_regions(Case.from_images(abdomen.ct, mask), SPEC)

    array = sitk.GetArrayFromImage(abdomen.liver)
    array[50:53, 60:64, 140:144] = 1
    assert regions(abdomen.geometry.image(array)).items == regions(abdomen.liver).items


def test_a_liver_drawn_on_every_second_slice_is_refused(abdomen):
    array = sitk.GetArrayFromImage(abdomen.liver)
    array[::2] = 0
    with pytest.raises(CaseError, match="of the liver mask, in 19 other pieces, is not connected") as caught:
        find_regions(Case.from_images(abdomen.ct, abdomen.geometry.image(array)), SPEC)
    assert caught.value.code == "liver_in_pieces"
    assert "every second slice" in caught.value.hint


def test_a_piece_of_liver_that_is_left_out_is_reported(abdomen):
    array = sitk.GetArrayFromImage(abdomen.liver)
    array[:, :, 95:98] = 0
    regions = find_regions(Case.from_images(abdomen.ct, abdomen.geometry.image(array)), SPEC)
    finding = regions.findings[0]
    assert finding.code == "liver_pieces_dropped"
    fraction = array[:, :, 98:].sum() / array.sum()
    assert finding.message == f"{fraction:.0%} of the liver mask, in 1 other piece, was left out."


def test_a_lesion_beside_the_liver_is_not_a_piece_of_it(abdomen):
    case = with_tumor(abdomen, [((-138, 10, -20), 25)])
    assert regions_codes(case) == []


def test_uptake_is_measured_on_the_pets_own_voxels(abdomen, coarse_pet):
    regions = find_regions(Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": coarse_pet}), SPEC)
    liver, large, small = regions.items
    assert liver.pet["fdg"].mean == pytest.approx(4000, rel=0.05)
    assert large.pet["fdg"].mean == pytest.approx(12000, rel=0.1)
    assert small.pet["fdg"].max == 12000


def test_a_lesion_smaller_than_a_pet_voxel_has_an_uptake(abdomen):
    blocks = Abdomen(grid(spacing=(30, 30, 30), size=(12, 10, 9))).pet
    case = with_tumor(abdomen, [((-70, 0, -10), 3)])
    case = Case.from_images(case.ct, case.liver, case.tumor, {"fdg": blocks})
    lesion = find_regions(case, SPEC).items[1]
    assert lesion.pet["fdg"].mean == lesion.pet["fdg"].max > 0


def test_a_lesion_outside_the_pet_has_no_uptake(abdomen):
    upper = Abdomen(grid(spacing=(5, 5, 4), size=(72, 52, 50))).pet[:, :, 25:]
    case = with_tumor(abdomen, [((-70, 0, 10), 12), ((0, 25, -60), 8)])
    case = Case.from_images(case.ct, case.liver, case.tumor, {"fdg": upper})
    liver, high, low = find_regions(case, SPEC).items
    assert set(liver.pet) == set(high.pet) == {"fdg"}
    assert low.pet == {}


def test_the_full_label_map_lies_on_the_ct(abdomen):
    case = Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor)
    regions = find_regions(case, SPEC)
    full = regions.full_label_map()
    assert Geometry.of(full) == case.geometry
    for region in regions.items:
        count = np.count_nonzero(sitk.GetArrayViewFromImage(full) == region.label)
        assert count * case.geometry.voxel_ml == pytest.approx(region.volume_ml)


@given(st.floats(0, 60), st.sampled_from([(8, 24, 24), (4, 8, 8), (6, 10, 14)]))
@settings(max_examples=15, deadline=None)
def test_weights_partition_the_liver_and_hold_every_regions_volume(angle, feature_grid):
    body = Abdomen(grid(spacing=(4, 4, 5), size=(90, 80, 50), direction=rotation(angle, 2)))
    case = Case.from_images(body.ct, body.liver, body.tumor)
    regions = find_regions(case, SPEC)
    cells = network_grid(case, regions, replace(SPEC, grid=feature_grid))
    weights = region_weights(regions, cells)
    assert weights.min() >= 0
    assert weights.sum(axis=0).max() <= 1 + 1e-6
    volumes = weights.sum(axis=(1, 2, 3)) * cells.voxel_ml
    assert np.allclose(volumes, [region.volume_ml for region in regions.items], rtol=0.12, atol=0.3)


def test_turned_by_exactly_45_degrees_a_lesion_of_two_cells_keeps_its_volume_to_27_percent():
    """Rows of centres then fall on the edges of cells, and which side they count on is the same along a whole row."""
    body = Abdomen(grid(spacing=(4, 4, 5), size=(90, 80, 50), direction=rotation(45, 2)))
    case = Case.from_images(body.ct, body.liver, body.tumor)
    regions = find_regions(case, SPEC)
    cells = network_grid(case, regions, replace(SPEC, grid=(8, 24, 24)))
    smallest = region_weights(regions, cells)[-1].sum() * cells.voxel_ml / regions.items[-1].volume_ml
    assert 0.73 < smallest < 1.27


@given(st.tuples(*[st.sampled_from([1.5, 2.0, 2.5, 3.7, 4.0])] * 3), st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
@settings(max_examples=25, deadline=None)
def test_a_feature_voxel_inside_one_region_belongs_to_it_alone(spacing, flips):
    box = grid(spacing=spacing, size=tuple(int(320 / s) for s in spacing), direction=np.diag(flips))
    everything = tuple(slice(0, n) for n in box.shape)
    liver = Region("liver", "Liver", 1, 0.0, (0.0, 0.0, 0.0), 0.0, {})
    regions = Regions(np.ones(box.shape, np.uint8), everything, box, (liver,), ())
    # Spacings that divide the cells put voxel centres on their edges, whichever way the axes run.
    cells = Geometry((16, 16, 12), (10.0, 12.0, 15.0), (-100.0, -90.0, -100.0))
    assert np.all(region_weights(regions, cells) == 1)


@pytest.mark.parametrize("rounding", [-5e-8, -1e-12, 5e-8])
def test_how_a_file_rounds_its_spacing_moves_no_voxel_to_another_cell(abdomen, rounding):
    """Edges of the cells go through voxel centres."""
    case = with_tumor(abdomen, LESIONS)
    regions = find_regions(case, SPEC)
    geometry = regions.ct_geometry
    spacing = np.asarray(geometry.spacing)
    cells = Geometry((12, 12, 8), tuple(6 * spacing), regions.geometry.to_world((3.0, 3.0, 3.0)))
    rounded = replace(regions, ct_geometry=replace(geometry, spacing=tuple(spacing + rounding)))
    assert np.array_equal(region_weights(rounded, cells), region_weights(regions, cells))


def test_a_lesion_smaller_than_a_feature_voxel_keeps_its_weight(abdomen):
    case = with_tumor(abdomen, [((-70, 0, -10), 3)])
    regions = find_regions(case, SPEC)
    cells = network_grid(case, regions, replace(SPEC, grid=(4, 6, 6)))
    lesion = region_weights(regions, cells)[1]
    assert 0 < lesion.max() < 0.05
    assert lesion.sum() * cells.voxel_ml == pytest.approx(regions.items[1].volume_ml, rel=0.1)


@pytest.mark.real_data
@pytest.mark.parametrize(
    "masks", [{"liver": "liver.nii.gz", "tumor": "tumor.nii.gz"}, {"segmentation": "hcc007.seg.nrrd"},
              {"segmentation": "hcc007_single_layer.seg.nrrd"}], ids=["nifti", "layers", "single layer"]
)  # fmt: skip
def test_a_real_liver_has_its_two_lesions_where_they_were_drawn(hcc007, masks):
    case = Case.from_files(ct=hcc007 / "ct.nii.gz", **{role: hcc007 / name for role, name in masks.items()})
    regions = find_regions(case, SPEC)
    liver, large, satellite = regions.items
    assert case.findings == ()
    assert large.volume_ml == pytest.approx(637.51, rel=0.03)
    assert satellite.volume_ml == pytest.approx(3.34, rel=0.03)
    assert np.allclose(large.centroid_lps_mm, (-114.2, -25.8, -121.7), atol=2)
    assert np.allclose(satellite.centroid_lps_mm, (-114.2, 47.5, -150.7), atol=2)
    assert liver.volume_ml + large.volume_ml + satellite.volume_ml == pytest.approx(2094.1, rel=0.03)
    weights = region_weights(regions, network_grid(case, regions, replace(SPEC, grid=SPEC.feature_grid)))
    unit = weights.reshape(3, -1) / np.linalg.norm(weights.reshape(3, -1), axis=1, keepdims=True)
    assert np.triu(unit @ unit.T, 1).max() < 0.3
