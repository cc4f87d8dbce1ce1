import numpy as np
import SimpleITK as sitk

from REACTKDLib.imaging.case import Case

from .conftest import LESIONS, Abdomen, altered, codes, grid, moved, refused, rotation


def test_a_sound_case_has_no_findings(abdomen, coarse_pet):
    case = Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": coarse_pet})
    assert codes(case) == []
    assert case.ct.GetPixelID() == sitk.sitkInt16


def test_a_tumour_is_optional(abdomen):
    case = Case.from_images(abdomen.ct, abdomen.liver)
    assert not sitk.GetArrayViewFromImage(case.tumor).any()


def test_masks_on_another_grid_come_onto_the_ct_through_world_coordinates(abdomen):
    other = Abdomen(grid(spacing=(1.6, 1.7, 2.5), size=(210, 150, 75), direction=rotation(15, 2)))
    same = Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor)
    case = Case.from_images(abdomen.ct, other.liver, other.tumor)
    for ours, reference in ((case.liver, same.liver), (case.tumor, same.tumor)):
        a, b = sitk.GetArrayViewFromImage(ours), sitk.GetArrayViewFromImage(reference)
        dice = 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))
        assert dice > 0.93


def test_a_mask_cropped_to_its_segment_is_placed_where_it_belongs(abdomen):
    box = (slice(5, 55), slice(30, 110), slice(20, 140))
    cropped = abdomen.liver[20:140, 30:110, 5:55]
    case = Case.from_images(abdomen.ct, cropped)
    whole = sitk.GetArrayViewFromImage(abdomen.liver)
    assert np.array_equal(sitk.GetArrayViewFromImage(case.liver)[box], whole[box])


def test_an_empty_liver_is_refused(abdomen):
    assert refused(abdomen.ct, altered(abdomen.liver, np.zeros_like)).code == "empty_liver"


def test_a_liver_mask_elsewhere_in_space_is_refused(abdomen):
    assert refused(abdomen.ct, moved(abdomen.liver, (1000, 0, 0))).code == "liver_outside_ct"


def test_a_liver_partly_outside_the_ct_is_reported(abdomen):
    assert "liver_partly_outside_ct" in codes(Case.from_images(abdomen.ct[:, :, 25:], abdomen.liver))


def test_a_tumour_far_from_the_liver_is_refused(abdomen):
    assert refused(abdomen.ct, abdomen.liver, moved(abdomen.tumor, (150, 0, 0))).code == "tumor_outside_liver"


def test_a_stray_tumour_component_far_from_the_liver_is_left_out_and_reported(abdomen):
    def with_stray(array):
        array[30:33, 60:64, 150:154] = 1
        return array

    case = Case.from_images(abdomen.ct, abdomen.liver, altered(abdomen.tumor, with_stray))
    assert codes(case) == ["tumor_far_from_liver"]
    assert np.array_equal(sitk.GetArrayViewFromImage(case.tumor), sitk.GetArrayViewFromImage(abdomen.tumor))


def test_a_tumour_that_sticks_out_of_the_liver_is_added_to_it_and_reported(abdomen):
    case = Case.from_images(abdomen.ct, abdomen.liver, moved(abdomen.tumor, (-36, 0, 0)))
    assert codes(case) == ["tumor_partly_outside_liver"]
    assert np.all(sitk.GetArrayViewFromImage(case.liver) >= sitk.GetArrayViewFromImage(case.tumor))


def test_a_liver_drawn_without_its_tumour_is_completed_without_a_finding(abdomen):
    parenchyma = abdomen.geometry.image((abdomen.liver_array & ~abdomen.tumor_array).astype(np.uint8))
    case = Case.from_images(abdomen.ct, parenchyma, abdomen.tumor)
    assert codes(case) == []
    assert np.array_equal(sitk.GetArrayViewFromImage(case.liver), sitk.GetArrayViewFromImage(abdomen.liver))


def test_a_tumour_beside_the_liver_that_does_not_touch_it_is_reported(abdomen):
    ball = abdomen.geometry.image(abdomen.sphere((-123, 10, -20), 10).astype(np.uint8))  # 3 mm beside the liver
    case = Case.from_images(abdomen.ct, abdomen.liver, ball)
    assert codes(case) == ["tumor_partly_outside_liver"]
    assert np.all(sitk.GetArrayViewFromImage(case.liver) >= sitk.GetArrayViewFromImage(ball))


def test_of_tumours_that_the_liver_was_drawn_without_only_the_one_beside_it_counts_as_outside(abdomen):
    ball = abdomen.sphere((-123, 10, -20), 10)
    parenchyma = abdomen.geometry.image((abdomen.liver_array & ~abdomen.tumor_array).astype(np.uint8))
    tumor = abdomen.geometry.image((abdomen.tumor_array | ball).astype(np.uint8))
    (finding,) = Case.from_images(abdomen.ct, parenchyma, tumor).findings
    assert finding.code == "tumor_partly_outside_liver"
    assert f"{ball.sum() / (ball | abdomen.tumor_array).sum():.0%}" in finding.message


def test_a_tumour_that_falls_between_the_voxels_of_the_ct_is_not_said_to_lie_outside_it(abdomen):
    fine = grid(spacing=(0.5, 0.5, 0.5), size=(40, 40, 40))
    speck = np.zeros(fine.shape, np.uint8)
    speck[20, 20, 20] = 1
    error = refused(abdomen.ct, abdomen.liver, fine.image(speck))
    assert error.code == "tumor_lost"
    assert "outside" not in error.message
    assert "between" in error.message


def test_a_mask_whose_specks_the_ct_cannot_hold_is_not_said_to_lie_outside_it(abdomen):
    fine = Abdomen(grid(spacing=(0.5, 0.5, 0.75), size=(60, 60, 40)))  # a quarter of the CT's voxels along each axis
    mask = fine.sphere((-20, 0, -20), 4)
    mask[1:8:4, 1::4, 1::4] = True
    assert codes(Case.from_images(abdomen.ct, abdomen.liver, fine.geometry.image(mask.astype(np.uint8)))) == []


def test_a_pet_of_another_part_of_the_body_is_refused(abdomen, coarse_pet):
    assert refused(abdomen.ct, abdomen.liver, None, {"fdg": moved(coarse_pet, (0, 0, 900))}).code == "pet_no_overlap"


def test_a_pet_with_a_value_that_is_no_number_is_refused(abdomen, coarse_pet):
    pet = altered(coarse_pet, lambda a: np.where(a == a.max(), np.nan, a))
    assert refused(abdomen.ct, abdomen.liver, None, {"act": pet}).code == "not_finite"


def test_integral_hu_are_kept_in_16_bits_and_others_as_floats(abdomen):
    wide = sitk.Cast(abdomen.ct, sitk.sitkFloat64)
    assert Case.from_images(wide, abdomen.liver).ct.GetPixelID() == sitk.sitkInt16
    assert Case.from_images(wide + 0.5, abdomen.liver).ct.GetPixelID() == sitk.sitkFloat32


def test_the_abdomen_of_these_tests_has_its_large_lesion_on_the_patients_right():
    assert LESIONS[0][0][0] < 0
