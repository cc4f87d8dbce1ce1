import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError

from .conftest import Abdomen, altered, codes, grid, moved, refused, rotation


def with_liver_hu(abdomen: Abdomen, hu: float) -> sitk.Image:
    """The abdomen's CT with another liver."""
    return altered(abdomen.ct, lambda a: np.where(abdomen.liver_array & ~abdomen.tumor_array, hu, a).astype(np.int16))


def mirrored(image: sitk.Image) -> sitk.Image:
    """The same voxels in the patient's mirror image: LPS x changes its sign."""
    copy = sitk.Image(image)
    copy.SetOrigin((np.diag([-1.0, 1, 1]) @ image.GetOrigin()).tolist())
    copy.SetDirection((np.diag([-1.0, 1, 1]) @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
    return copy


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


@pytest.mark.parametrize("hu", [-30, 260, 1121])
def test_a_ct_whose_liver_has_no_livers_density_is_refused_because_it_is_not_in_hu(abdomen, hu):
    error = refused(with_liver_hu(abdomen, hu), abdomen.liver, abdomen.tumor)
    assert error.code == "not_hu"
    assert f"{hu} HU" in error.message
    assert "slope and intercept" in error.hint


def test_stored_values_whose_padding_hides_the_lost_intercept_are_refused(abdomen):
    def stored(array):
        values = array + 1024
        values[:, :3] = -2000  # outside the scanner's circle
        return values

    assert refused(altered(abdomen.ct, stored), abdomen.liver).code == "not_hu"


@pytest.mark.parametrize(("hu", "reason"), [(-5, "fatty"), (15, "fatty"), (210, "contrast"), (240, "contrast")])
def test_an_unusual_liver_density_that_a_patient_can_have_is_reported(abdomen, hu, reason):
    (finding,) = Case.from_images(with_liver_hu(abdomen, hu), abdomen.liver, abdomen.tumor).findings
    assert finding.code == "unusual_liver_hu"
    assert f"{hu} HU" in finding.message
    assert reason in finding.message


@pytest.mark.parametrize("hu", [25, 60, 190])
def test_plain_and_enhanced_livers_are_usual(abdomen, hu):
    assert codes(Case.from_images(with_liver_hu(abdomen, hu), abdomen.liver, abdomen.tumor)) == []


def test_the_density_is_that_of_the_liver_without_its_tumour(abdomen):
    tumor = abdomen.sphere((-40, 10, -20), 52) & abdomen.liver_array
    assert tumor.sum() > abdomen.liver_array.sum() / 2
    ct = altered(abdomen.ct, lambda a: np.where(tumor, 900, a).astype(np.int16))  # iodised oil after a TACE
    found = codes(Case.from_images(ct, abdomen.liver, abdomen.geometry.image(tumor.astype(np.uint8))))
    assert "unusual_liver_hu" not in found


def test_a_liver_that_is_all_tumour_has_its_tumours_density(abdomen):
    liver = abdomen.liver
    assert "unusual_liver_hu" not in codes(Case.from_images(abdomen.ct, liver, liver))
    assert refused(with_liver_hu(abdomen, 1121), liver, liver).code == "not_hu"


def test_a_liver_of_a_few_voxels_is_refused(abdomen):
    def speck(array):
        result = np.zeros_like(array)
        result[20, 60, 60] = 1
        return result

    assert refused(abdomen.ct, altered(abdomen.liver, speck)).code == "empty_liver"


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


def test_a_mirrored_ct_is_reported_as_left_for_right(abdomen):
    images = [mirrored(image) for image in (abdomen.ct, abdomen.liver, abdomen.tumor)]
    (finding,) = Case.from_images(*images).findings
    assert finding.code == "liver_on_left"
    assert "mirrored" in finding.message
    assert "situs inversus" in finding.message


@pytest.mark.parametrize(
    "direction", [np.diag([-1.0, -1, 1]), np.eye(3)[[2, 0, 1]], rotation(180, 2)], ids=["RAS", "permuted", "prone"]
)
def test_the_side_of_the_liver_does_not_depend_on_how_the_ct_is_stored(direction):
    body = Abdomen(grid(spacing=(3.0, 3.0, 3.0), size=(110, 110, 110), direction=direction))
    assert codes(Case.from_images(body.ct, body.liver)) == []
    assert codes(Case.from_images(mirrored(body.ct), mirrored(body.liver))) == ["liver_on_left"]


@pytest.mark.parametrize("mirror", [False, True], ids=["as it is", "mirrored"])
def test_a_field_of_view_cut_to_a_central_liver_does_not_tell_sides(abdomen, mirror):
    """An ellipsoid liver fills its own box evenly, and the middle of what is in view is its own."""
    box = np.s_[20:130, 40:112, 5:55]
    ct, liver = abdomen.ct[box], abdomen.liver[box]
    assert codes(Case.from_images(*((mirrored(ct), mirrored(liver)) if mirror else (ct, liver)))) == []


@pytest.mark.real_data
def test_a_real_patient_is_on_the_right_side_as_stored_and_on_the_left_mirrored(hcc007):
    ct, liver = (sitk.ReadImage(str(hcc007 / f"{name}.nii.gz")) for name in ("ct", "liver"))
    assert codes(Case.from_images(ct, liver)) == []
    (finding,) = Case.from_images(mirrored(ct), mirrored(liver)).findings
    assert finding.code == "liver_on_left"
    assert "57 mm" in finding.message


def test_a_ct_given_as_the_pet_is_refused(abdomen):
    with pytest.raises(CaseError, match="looks like a CT") as error:
        Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": abdomen.ct})
    assert error.value.code == "not_pet"


def test_a_mask_is_no_pet(abdomen):
    with pytest.raises(CaseError, match="looks like a mask") as error:
        Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": abdomen.liver})
    assert (error.value.code, error.value.role) == ("not_pet", "fdg")


def test_a_pet_slightly_below_zero_is_a_pet(abdomen):
    values = np.random.default_rng(0).normal(0.05, 0.05, abdomen.liver_array.shape) + 5.0 * abdomen.liver_array
    pet = altered(abdomen.ct, lambda a: values.astype(np.float32))
    assert values.min() < 0
    assert Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": pet}).pet.keys() == {"fdg"}


def test_liver_and_tumour_that_are_exchanged_are_refused(abdomen):
    error = refused(abdomen.ct, abdomen.tumor, abdomen.liver)
    assert error.code == "masks_exchanged"
    assert "exchanged" in error.hint


def test_a_tumour_larger_than_the_rest_of_the_liver_is_doubted(abdomen):
    """Seldom true, and what exchanged labels look like where there is much tumour."""
    half = np.zeros_like(abdomen.liver_array)
    place = np.argwhere(abdomen.liver_array)
    for share, doubted in ((0.4, False), (0.6, True)):
        half[:] = 0
        half[tuple(place[: int(share * len(place))].T)] = 1
        tumour = altered(abdomen.liver, lambda a, half=half: half.astype(np.uint8))
        case = Case.from_images(abdomen.ct, abdomen.liver, tumour)
        assert ("tumor_larger_than_rest" in {finding.code for finding in case.findings}) == doubted


def test_labels_that_are_exchanged_are_refused_too(abdomen):
    """Of a label map, whose liver has no tumour in it."""
    parenchyma = altered(abdomen.liver, lambda a: (abdomen.liver_array & ~abdomen.tumor_array).astype(np.uint8))
    assert refused(abdomen.ct, abdomen.tumor, parenchyma).code == "masks_exchanged"
