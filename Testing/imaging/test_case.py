import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry

from .conftest import LESIONS, Abdomen, grid, rotation


def codes(case: Case) -> list[str]:
    return [finding.code for finding in case.findings]


def refused(*arguments, **options) -> CaseError:
    with pytest.raises(CaseError) as caught:
        Case.from_images(*arguments, **options)
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    return caught.value


def moved(image: sitk.Image, millimetres) -> sitk.Image:
    copy = sitk.Image(image)
    copy.SetOrigin(tuple(np.add(image.GetOrigin(), millimetres)))
    return copy


def altered(image: sitk.Image, change) -> sitk.Image:
    array = sitk.GetArrayFromImage(image)
    return Geometry.of(image).image(change(array))


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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_ct_with_a_value_that_is_no_number_is_refused(abdomen, value):
    ct = altered(abdomen.ct, lambda a: np.where(np.arange(a.size).reshape(a.shape) == 77, value, a).astype(np.float32))
    assert refused(ct, abdomen.liver).code == "not_finite"


def test_an_8_bit_ct_is_refused_because_it_is_not_in_hu(abdomen):
    ct = altered(abdomen.ct, lambda a: np.clip((a + 160) / 400 * 255, 0, 255).astype(np.uint8))
    error = refused(ct, abdomen.liver)
    assert error.code == "not_hu"
    assert "Hounsfield" in error.message


def test_a_ct_with_one_value_is_refused(abdomen):
    assert refused(altered(abdomen.ct, np.zeros_like), abdomen.liver).code == "constant_ct"


def test_an_empty_liver_is_refused(abdomen):
    assert refused(abdomen.ct, altered(abdomen.liver, np.zeros_like)).code == "empty_liver"


def test_a_liver_of_a_few_voxels_is_refused(abdomen):
    def speck(array):
        result = np.zeros_like(array)
        result[20, 60, 60] = 1
        return result

    assert refused(abdomen.ct, altered(abdomen.liver, speck)).code == "empty_liver"


def test_a_liver_mask_elsewhere_in_space_is_refused(abdomen):
    assert refused(abdomen.ct, moved(abdomen.liver, (1000, 0, 0))).code == "liver_outside_ct"


def test_a_liver_mask_over_fat_and_air_is_refused(abdomen):
    error = refused(abdomen.ct, moved(abdomen.liver, (90, 60, 0)))
    assert error.code == "liver_does_not_fit"
    assert "%" in error.message


def test_a_liver_mask_slightly_beside_the_liver_is_reported(abdomen):
    assert "liver_may_not_fit" in codes(Case.from_images(abdomen.ct, moved(abdomen.liver, (12, 0, 0))))


def test_a_liver_cut_by_the_field_of_view_is_reported(abdomen):
    cut = slice(0, 30)
    case = Case.from_images(abdomen.ct[:, :, cut], abdomen.liver[:, :, cut])
    assert "liver_cut_off" in codes(case)


def test_a_cut_liver_is_reported_whichever_way_the_ct_is_stored(abdomen):
    cut = slice(0, 30)
    order = sitk.PermuteAxesImageFilter()
    order.SetOrder((2, 0, 1))
    ct, liver = (order.Execute(image[:, :, cut]) for image in (abdomen.ct, abdomen.liver))
    assert "liver_cut_off" in codes(Case.from_images(ct, liver))


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


def test_a_pet_of_another_part_of_the_body_is_refused(abdomen, coarse_pet):
    assert refused(abdomen.ct, abdomen.liver, None, {"fdg": moved(coarse_pet, (0, 0, 900))}).code == "pet_no_overlap"


def test_a_pet_over_part_of_the_liver_is_reported(abdomen, coarse_pet):
    case = Case.from_images(abdomen.ct, abdomen.liver, None, {"fdg": moved(coarse_pet, (0, 0, 90))})
    assert codes(case) == ["pet_partial"]


def test_a_pet_with_a_value_that_is_no_number_is_refused(abdomen, coarse_pet):
    pet = altered(coarse_pet, lambda a: np.where(a == a.max(), np.nan, a))
    assert refused(abdomen.ct, abdomen.liver, None, {"act": pet}).code == "not_finite"


def test_integral_hu_are_kept_in_16_bits_and_others_as_floats(abdomen):
    wide = sitk.Cast(abdomen.ct, sitk.sitkFloat64)
    assert Case.from_images(wide, abdomen.liver).ct.GetPixelID() == sitk.sitkInt16
    assert Case.from_images(wide + 0.5, abdomen.liver).ct.GetPixelID() == sitk.sitkFloat32


def test_the_abdomen_of_these_tests_has_its_large_lesion_on_the_patients_right():
    assert LESIONS[0][0][0] < 0
