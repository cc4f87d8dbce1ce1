from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom
from REACTKDLib.imaging.preprocess import preprocess
from REACTKDLib.imaging.representations import representations
from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.inference.case_files import CaseFiles
from Testing.training.data.phantom_cohort import QUICK
from training.data.making import body_sums, make_entry
from training.dose.simulation import simulate_low_dose

HALF = 2.0**-12
"""The largest rounding error of a float16 between 0 and 1."""


@pytest.fixture(scope="module")
def case() -> Case:
    phantom = make_phantom(5, lesions=2, settings=PhantomSettings.coarse())
    return Case.from_images(phantom.ct, phantom.liver, phantom.tumor, phantom.pet, name="a")


def assert_channels_come_back(case: Case, spec: PreprocessingSpec) -> None:
    """From the entry that was made without the constants, to the rounding of float16."""
    entry, _ = make_entry(case, replace(QUICK, levels=(), preprocessing=replace(spec, ct_mean=0.0, ct_std=1.0)))
    expected = preprocess(case, spec)
    assert set(entry.images) == set(expected.channels)
    assert np.array_equal(entry.label_map, expected.label_map)
    assert entry.labels == expected.regions.labels
    assert np.allclose(entry.region_weights, expected.region_weights, rtol=0, atol=HALF)
    for modality, image in entry.images.items():
        assert image.dtype == np.float16
        volume = image.astype(np.float32)
        ct = modality == "ct"
        mean, std = (spec.ct_mean, spec.ct_std) if ct else (volume.mean(), volume.std())
        liver_std = spec.ct_liver_std if ct else std
        found = representations(volume, entry.label_map, mean, std, liver_std, spec.zero)
        for channel, wanted in zip(found, expected.channels[modality], strict=True):
            # Voxel, mean and standard deviation of a PET are each off by a rounding at most.
            limit = HALF * (2 + np.abs(wanted).max()) / std
            assert np.abs(channel - wanted).max() < limit + 1e-5


def test_an_entry_gives_the_channels_of_preprocessing_with_any_constants(case):
    assert_channels_come_back(case, replace(QUICK.preprocessing, ct_mean=0.43, ct_std=0.26))


@pytest.mark.real_data
def test_an_entry_of_a_real_case_gives_the_channels_of_preprocessing(hcc007):
    files = CaseFiles(name="a", ct=hcc007 / "ct.nii.gz", segmentation=hcc007 / "hcc007.seg.nrrd")
    real = files.read()
    assert_channels_come_back(real, PreprocessingSpec(ct_mean=0.43, ct_std=0.26))
    # The source names two components of the tumour.
    assert make_entry(real, replace(QUICK, levels=()))[0].labels == (1, 2, 3)


def test_a_low_dose_is_simulated_on_the_ct_as_scanned_and_then_preprocessed(case):
    entry, _ = make_entry(case, QUICK)
    seed = QUICK.noise_seed("a")
    low_dose = simulate_low_dose(case.ct, "severe", seed, scanner=QUICK.scanner, device="cpu")
    expected = preprocess(replace(case, ct=low_dose), QUICK.preprocessing).scaled["ct"]
    # The oracle uses every core: a voxel may round to the next whole HU.
    assert np.abs(entry.images["ct_severe"] - expected).max() <= HALF + 1 / 400
    assert np.abs(entry.images["ct_severe"] - entry.images["ct"]).max() > 0.05


def test_the_noise_of_a_case_is_of_its_name_and_the_seed(case):
    def noisy(name: str, seed: int) -> np.ndarray:
        return make_entry(replace(case, name=name), replace(QUICK, seed=seed))[0].images["ct_severe"]

    assert np.array_equal(noisy("a", 0), noisy("a", 0))
    assert not np.array_equal(noisy("a", 0), noisy("b", 0))
    assert not np.array_equal(noisy("a", 0), noisy("a", 1))


def test_the_noise_does_not_depend_on_the_number_of_threads(case):
    """Fourier transforms of several threads round otherwise, which whole HU mostly hide, but not everywhere."""
    settings = replace(QUICK, scanner=replace(QUICK.scanner, views=360))
    before, images = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            images.append(make_entry(case, settings)[0].images["ct_severe"])
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*images)


def test_every_level_but_native_is_an_image_of_its_own(case):
    entry, _ = make_entry(case, replace(QUICK, levels=("native", "mild", "severe")))
    assert set(entry.images) == {"ct", "ct_mild", "ct_severe", "fdg", "act"}


def test_a_constant_pet_is_absent_and_said_to_be(case):
    entry, findings = make_entry(replace(case, pet={**case.pet, "fdg": case.pet["fdg"] * 0 + 3}), QUICK)
    assert "fdg" not in entry.images
    assert "act" in entry.images
    assert "pet_constant" in [finding.code for finding in findings]


@given(hnp.arrays(np.int16, (3, 4, 5), elements=st.integers(-1100, 3000)))
def test_body_sums_are_those_of_all_voxels_above_the_air(hu):
    values = np.clip((hu[hu > -500].astype(float) + 160) / 400, 0, 1)
    expected = (values.size, values.sum(), (values**2).sum())
    assert body_sums(sitk.GetImageFromArray(hu), (-160.0, 240.0)) == pytest.approx(expected)
