"""A phantom: the same for a seed, made as asked, with the types and units of a scan."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.phantom import PhantomError, PhantomSettings, make_phantom


def test_a_seed_gives_the_same_phantom_bit_for_bit(made):
    one, other = made(3), made(3)
    assert one.same_images(other)
    assert one.phantom == other.phantom


def test_different_seeds_give_different_patients(made):
    one, other = made(3).images, made(4).images
    for name, image in one.items():
        assert not np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(other[name])), name


def test_a_grade_that_was_drawn_gives_the_phantom_that_asking_for_it_gives(made):
    drawn = made(5)
    assert drawn.same_images(made(5, drawn.phantom.grade))


def test_every_grade_is_drawn(patients):
    assert {patient.phantom.grade for patient in patients} == {0, 1, 2}


def test_the_anatomy_of_a_seed_does_not_depend_on_its_grade(made):
    livers = [made(6, grade).liver for grade in range(3)]
    assert np.array_equal(livers[0], livers[1])
    assert np.array_equal(livers[0], livers[2])


@pytest.mark.parametrize(("seed", "lesions"), [(0, None), (1, 4)])
def test_with_no_grade_effect_the_grade_changes_nothing(made, tiny, seed, lesions):
    none = replace(tiny, grade_effect=0.0)
    well, moderate, poor = (made(seed, grade, lesions, none) for grade in range(3))
    assert well.same_images(moderate)
    assert well.same_images(poor)
    assert well.phantom.lesions == moderate.phantom.lesions == poor.phantom.lesions


def test_images_have_the_types_grids_and_units_of_a_scan(default):
    phantom = default.phantom
    assert phantom.ct.GetPixelID() == sitk.sitkInt16
    assert phantom.liver.GetPixelID() == phantom.tumor.GetPixelID() == sitk.sitkUInt8
    assert set(phantom.pet) == {"fdg", "act"}
    assert default.geometry.size == PhantomSettings().ct_size
    assert default.geometry.direction == tuple(np.eye(3).ravel())
    assert default.geometry == Geometry.of(phantom.liver) == Geometry.of(phantom.tumor)
    for image in phantom.pet.values():
        assert image.GetPixelID() == sitk.sitkFloat32
        uptake = sitk.GetArrayViewFromImage(image)
        assert uptake.min() >= 0
        assert 5_000 < np.median(uptake[uptake > 3_000]) < 50_000  # Bq/mL of soft tissue


@pytest.mark.parametrize(("grade", "lesions"), [(3, 1), (-1, 1), (0, 9), (0, -1)])
def test_an_impossible_request_says_what_is_possible(grade, lesions):
    with pytest.raises(PhantomError) as error:
        make_phantom(0, grade, lesions)
    assert error.value.hint.startswith("Choose 0")


def test_a_liver_without_room_is_an_error_not_a_missing_lesion(tiny):
    crowded = replace(tiny, lesion_gap_mm=150.0)
    with pytest.raises(PhantomError, match="no room"):
        make_phantom(0, 2, 8, crowded)
