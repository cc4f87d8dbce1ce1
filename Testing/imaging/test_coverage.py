import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.preprocess import Preprocessed, preprocess
from REACTKDLib.imaging.spec import PreprocessingSpec

from .conftest import LIVER_CENTRE, LIVER_RADII, Abdomen, grid, moved, rotation

SPEC = PreprocessingSpec(grid=(16, 48, 48))
HIGH, LOW = ((-70, 0, 10), 12), ((0, 25, -60), 6)
"""Lesions: centre LPS mm, radius mm."""


def pet_above(z: float, direction=None) -> sitk.Image:
    """FDG PET whose field ends below at z mm, as high as 250 mm above."""
    body = Abdomen(grid(spacing=(5.0, 5.0, 5.0), size=(90, 90, 50), direction=direction))
    ends_at = body.geometry.corners()[:, 2].min()
    return moved(body.pet, (0, 0, z - ends_at))


def given(abdomen: Abdomen, pet: sitk.Image, lesions=()) -> Preprocessed:
    tumor = np.zeros(abdomen.geometry.shape, np.uint8)
    for lesion in lesions:
        tumor |= abdomen.sphere(*lesion)
    case = Case.from_images(abdomen.ct, abdomen.liver, abdomen.geometry.image(tumor), {"fdg": pet})
    return preprocess(case, SPEC)


def said(data: Preprocessed) -> dict[str, str]:
    """Code -> message, of what is said of the PET."""
    return {finding.code: finding.message for finding in data.findings if "pet" in finding.code}


def above(z: float) -> float:
    """Fraction of the ellipsoid liver above z mm: a cap's."""
    h = (z - LIVER_CENTRE[2]) / LIVER_RADII[2]
    return (2 - 3 * h + h**3) / 4


def test_a_pet_over_the_whole_liver_is_read_without_a_word(abdomen, coarse_pet):
    data = given(abdomen, coarse_pet, [HIGH, LOW])
    assert "fdg" in data.channels
    assert said(data) == {}


@pytest.mark.parametrize("z", [-35, -50, -65])
def test_a_pet_over_most_of_the_liver_is_read_and_its_part_reported(abdomen, z):
    data = given(abdomen, pet_above(z))
    assert "fdg" in data.channels
    assert set(said(data)) == {"pet_partial"}
    percent = float(said(data)["pet_partial"].split("%")[0].split()[-1])
    assert percent == pytest.approx(100 * above(z), abs=2)


@pytest.mark.parametrize("z", [-10, 0, 30])
def test_a_pet_over_less_than_half_of_the_liver_counts_as_absent(abdomen, z):
    data = given(abdomen, pet_above(z), [HIGH])
    assert set(data.channels) == {"ct"}
    assert list(said(data)) == ["pet_dropped"]
    assert "absent" in said(data)["pet_dropped"]


def test_a_lesion_outside_the_pet_is_named(abdomen):
    data = given(abdomen, pet_above(-50), [HIGH, LOW])
    assert "fdg" in data.channels
    assert set(said(data)) == {"pet_partial", "lesion_outside_pet"}
    assert said(data)["lesion_outside_pet"].startswith("100% of Lesion 2 lies outside")


def test_of_a_lesion_partly_outside_the_pet_the_part_is_told(abdomen):
    lesion = ((-40, 10, -50), 15)
    data = given(abdomen, pet_above(-55), [lesion])
    outside = np.mean(abdomen.world[abdomen.sphere(*lesion)][:, 2] < -55)
    assert 0.1 < outside < 0.4
    assert said(data)["lesion_outside_pet"].startswith(f"{outside:.0%} of Lesion 1 lies outside")


def test_a_pet_that_sees_none_of_the_lesions_counts_as_absent(abdomen):
    data = given(abdomen, pet_above(-50), [LOW])
    assert set(data.channels) == {"ct"}
    assert list(said(data)) == ["pet_dropped"]
    assert "lesion" in said(data)["pet_dropped"]


@pytest.mark.parametrize("degrees", [30, 90])
def test_the_field_is_that_of_the_pets_own_axes(abdomen, degrees):
    """Turned about the vertical through the liver, its lower face stays where it was."""
    data = given(abdomen, pet_above(-50, rotation(degrees, 2)), [HIGH, LOW])
    assert set(said(data)) == {"pet_partial", "lesion_outside_pet"}


def test_beyond_its_field_a_partial_pet_has_its_lowest_value(abdomen):
    pet = pet_above(-50)
    data = given(abdomen, pet, [HIGH])
    z = data.grid.to_world(np.array([[0, 0, k] for k in range(data.grid.size[2])]))[:, 2]
    outside = data.scaled["fdg"][z < -52.5]
    assert outside.size
    assert np.all(outside == 0)


def test_each_tracer_is_judged_on_its_own(abdomen, coarse_pet):
    case = Case.from_images(abdomen.ct, abdomen.liver, abdomen.tumor, {"fdg": pet_above(20), "act": coarse_pet})
    data = preprocess(case, SPEC)
    assert set(data.channels) == {"ct", "act"}
    assert "FDG PET" in said(data)["pet_dropped"]
