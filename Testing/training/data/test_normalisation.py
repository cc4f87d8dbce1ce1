from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.data.phantom_cohort import QUICK, write_cohort
from training.cohorts.errors import CohortError
from training.data.cache import build_cache
from training.data.normalisation import ct_constants, with_ct_constants

PLAIN = replace(QUICK, levels=())


@pytest.fixture
def cohort(tmp_path):
    return write_cohort(tmp_path / "images", 3)


@pytest.fixture
def cache(cohort, tmp_path):
    return build_cache(cohort, tmp_path / "cache", PLAIN)


def test_constants_are_mean_and_spread_of_all_in_body_voxels_of_the_named_cases(cohort, cache):
    volumes = [sitk.GetArrayFromImage(sitk.ReadImage(str(case.files.ct))) for case in cohort.cases[:2]]
    hu = np.concatenate([volume[volume > -500] for volume in volumes]).astype(float)
    scaled = np.clip((hu + 160) / 400, 0, 1)
    assert ct_constants(cache, ["case0", "case1"]) == pytest.approx((scaled.mean(), scaled.std()))


def test_a_held_out_case_has_no_influence_on_the_constants(cohort, cache, tmp_path):
    before, of_all = ct_constants(cache, ["case0", "case1"]), ct_constants(cache, cache.names)
    held_out = str(cohort.cases[2].files.ct)
    sitk.WriteImage(sitk.ReadImage(held_out) + 30, held_out)
    again = build_cache(cohort, tmp_path / "cache", PLAIN)
    assert ct_constants(again, ["case0", "case1"]) == before
    assert ct_constants(again, again.names) != of_all


def test_the_order_of_cases_does_not_matter(cache):
    assert ct_constants(cache, cache.names) == ct_constants(cache, reversed(cache.names))


def test_constants_of_no_case_are_refused(cache):
    with pytest.raises(CohortError) as caught:
        ct_constants(cache, [])
    assert caught.value.code == "no_contrast"


def test_only_where_the_mean_is_zero_a_spec_gets_the_constants_of_its_training_cases(cache):
    liver = replace(QUICK.preprocessing, zero="liver")
    assert with_ct_constants(liver, cache, cache.names) == liver
    found = with_ct_constants(replace(liver, zero="mean"), cache, ["case0", "case1"])
    assert (found.ct_mean, found.ct_std) == ct_constants(cache, ["case0", "case1"])
    assert found == replace(liver, zero="mean", ct_mean=found.ct_mean, ct_std=found.ct_std)
