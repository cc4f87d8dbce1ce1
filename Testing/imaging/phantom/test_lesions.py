"""Lesions are what is said of them, and show the grade as the settings say: each cue a little, none for sure."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from skimage.measure import label, regionprops

from REACTKDLib.imaging.phantom import Lesion
from REACTKDLib.imaging.phantom.grids import centred
from REACTKDLib.imaging.phantom.lesions import plant_lesions
from REACTKDLib.imaging.phantom.tissues import TISSUES, Maps

SEEDS = range(20)
FULL_CONNECTIVITY = 3
"""Neighbours through faces, edges and corners: 26."""


def measure(patient) -> dict[str, float]:
    """What a reader could measure in the images, region by region."""
    tumor, parenchyma = patient.tumor, patient.liver & ~patient.tumor
    return {
        "fdg": patient.fdg[tumor].mean() / patient.fdg[parenchyma].mean(),
        "act": patient.act[tumor].mean() / patient.act[parenchyma].mean(),
        "enhancement": patient.hu[tumor].mean() - patient.hu[parenchyma].mean(),
        "heterogeneity": patient.hu[tumor].std(),
        "lesions": label(tumor, connectivity=FULL_CONNECTIVITY).max(),
    }


@pytest.fixture(scope="module")
def measured(made) -> dict[str, np.ndarray]:
    """Each cue of the same patients at each grade: (grades, seeds)."""
    grades = [[measure(made(seed, grade)) for seed in SEEDS] for grade in range(3)]
    return {cue: np.array([[case[cue] for case in cases] for cases in grades]) for cue in grades[0][0]}


@pytest.fixture(scope="module")
def planted():
    """Plants lesions in a liver that is a ball of 1.5 L and nothing else."""
    geometry = centred((32, 32, 32), (5.0, 5.0, 5.0))
    ball = np.linalg.norm(geometry.to_world(np.argwhere(np.ones(geometry.shape))), axis=1) < 71
    liver = ball.reshape(geometry.shape)
    tissue = TISSUES["liver"]

    def plant(seed, grade, count, settings) -> tuple[Lesion, ...]:
        maps = Maps(*(np.full(geometry.shape, value, np.float32) for value in tissue), tissue)
        return plant_lesions(maps, liver, geometry, np.random.default_rng(seed), settings, grade, count)[0]

    return plant


def separability(low: np.ndarray, high: np.ndarray) -> float:
    """Probability that a random member of `high` exceeds one of `low`: the AUC."""
    return float((low[:, None] < high[None]).mean() + 0.5 * (low[:, None] == high[None]).mean())


@pytest.mark.parametrize("lesions", range(9))
def test_what_is_said_of_each_lesion_is_what_its_component_measures(made, lesions):
    patient = made(40 + lesions, 2, lesions)
    said, geometry = patient.phantom.lesions, patient.geometry
    parts = regionprops(label(patient.tumor, connectivity=FULL_CONNECTIVITY))
    volumes = sorted((part.area * geometry.voxel_ml for part in parts), reverse=True)
    assert [lesion.volume_ml for lesion in said] == pytest.approx(volumes)
    assert all(0.1 <= lesion.volume_ml <= 120 for lesion in said)
    centres = {tuple(np.round(geometry.to_world(np.array(part.centroid[::-1])), 6)) for part in parts}
    assert {tuple(np.round(lesion.centroid_lps_mm, 6)) for lesion in said} == centres


def test_fdg_rises_and_acetate_falls_with_the_grade(measured):
    fdg, act = measured["fdg"].mean(1), measured["act"].mean(1)
    assert all(high > 1.15 * low for low, high in pairwise(fdg))
    assert all(low < 0.88 * high for high, low in pairwise(act))


def test_enhancement_falls_and_heterogeneity_and_number_rise_with_the_grade(measured):
    assert all(low < high - 2 for high, low in pairwise(measured["enhancement"].mean(1)))
    assert all(high > 1.05 * low for low, high in pairwise(measured["heterogeneity"].mean(1)))
    assert all(high > low for low, high in pairwise(measured["lesions"].mean(1)))


@pytest.mark.parametrize("cue", ["fdg", "act", "enhancement", "heterogeneity", "lesions"])
def test_no_single_cue_tells_neighbouring_grades_apart_without_error(measured, cue):
    for one, other in pairwise(measured[cue]):
        assert max(one.min(), other.min()) < min(one.max(), other.max())


def test_the_ct_says_less_about_the_grade_than_the_pet(measured):
    ends = {cue: separability(values[0], values[2]) for cue, values in measured.items()}
    assert max(1 - ends["enhancement"], ends["lesions"]) < min(ends["fdg"], 1 - ends["act"])


def test_lesions_of_a_poorly_differentiated_tumour_are_less_alike(planted, tiny):
    def spread(grade):
        cohort = [planted(seed, grade, 5, tiny) for seed in range(10)]
        return np.mean([np.std(np.log([lesion.fdg_ratio for lesion in lesions])) for lesions in cohort])

    assert spread(2) > 1.5 * spread(0)


@pytest.mark.parametrize("overlap", [0.5, 1.0])
def test_patients_of_one_grade_differ_as_much_as_the_overlap_says(planted, tiny, overlap):
    alike_within = replace(tiny, overlap=overlap, unlikeness=(0.0, 0.0, 0.0))
    first = [planted(seed, 1, 1, alike_within)[0] for seed in range(80)]
    expected = overlap * alike_within.ratio_log_sd
    tolerance = 3 / np.sqrt(2 * len(first))  # three standard errors of a standard deviation
    for ratios in ([lesion.fdg_ratio for lesion in first], [lesion.act_ratio for lesion in first]):
        assert np.std(np.log(ratios)) == pytest.approx(expected, rel=tolerance)
    spread = np.std([lesion.enhancement_hu for lesion in first])
    assert spread == pytest.approx(overlap * alike_within.enhancement_sd_hu, rel=tolerance)


def test_without_overlap_a_cue_alone_tells_the_grades_apart(planted, tiny):
    sure = replace(tiny, overlap=0.0, unlikeness=(0.0, 0.0, 0.0))
    for seed, grade in product(range(3), range(3)):
        lesions = planted(seed, grade, 2, sure)
        assert [lesion.fdg_ratio for lesion in lesions] == pytest.approx([sure.fdg_ratio[grade]] * 2)
        assert [lesion.act_ratio for lesion in lesions] == pytest.approx([sure.act_ratio[grade]] * 2)
