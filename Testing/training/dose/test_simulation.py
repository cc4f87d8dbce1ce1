import numpy as np
import pytest
import SimpleITK as sitk
import torch

from REACTKDLib.imaging.errors import ReactKDError
from training.dose.geometry import ParallelBeam
from training.dose.levels import LEVELS, level_of
from training.dose.projector import Projector
from training.dose.ramp import ramp_kernel
from training.dose.settings import ScannerSettings
from training.dose.simulation import attenuation, noise_hu, simulate_low_dose

SCANNER = ScannerSettings()
PIXELS, SPACING, RADIUS, SLICES = 256, 1.4, 150.0, 16
"""A cylinder of 30 cm in a field of view of 36 cm."""


def distance_mm(pixels: int = PIXELS, spacing: float = SPACING) -> np.ndarray:
    axis = (np.arange(pixels) - pixels // 2) * spacing
    return np.hypot(axis, axis[:, None])


@pytest.fixture(scope="module")
def water_noise() -> dict[str, np.ndarray]:
    """HU that each level adds to a cylinder of water, before rounding: (slices, H, W)."""
    hu = np.where(distance_mm() <= RADIUS, 0, -1000).astype(np.int16)
    stack = np.repeat(hu[None], SLICES, axis=0)
    projector = Projector(ParallelBeam((PIXELS, PIXELS), (SPACING, SPACING), SCANNER.views), torch.device("cpu"))
    return {
        name: noise_hu(stack, projector, LEVELS[name], SCANNER, [np.random.default_rng((3, k)) for k in range(SLICES)])
        for name in ("mild", "severe")
    }


def theory_hu(share: float) -> float:
    """Std at the centre: FBP adds (π / views) d Σ_j h(j) p(j) over views, so variances add by (π / views)² d² h²."""
    expected = SCANNER.photons * np.exp(-2 * RADIUS * SCANNER.water_attenuation)
    variance = (1 / share - 1) / expected + SCANNER.electronic_variance * (1 / share**2 - 1) / expected**2
    ramp_power = float((ramp_kernel(torch.arange(-2000.0, 2001.0), SPACING) ** 2).sum())
    fbp = np.pi**2 / SCANNER.views * SPACING**2 * ramp_power
    return 1000 / SCANNER.water_attenuation * np.sqrt(fbp * variance)


@pytest.mark.parametrize("name", ["mild", "severe"])
def test_noise_at_the_centre_of_water_is_that_of_theory(water_noise, name):
    centre = water_noise[name][:, distance_mm() < 12]
    assert centre.std() == pytest.approx(theory_hu(LEVELS[name].share), rel=0.05)


def test_noise_grows_as_the_root_of_what_is_missing_of_the_dose(water_noise):
    centre = distance_mm() < 12
    growth = water_noise["severe"][:, centre].std() / water_noise["mild"][:, centre].std()
    assert growth == pytest.approx(np.sqrt((20 - 1) / (4 - 1)), rel=0.05)


@pytest.mark.parametrize("name", ["mild", "severe"])
def test_noise_rises_towards_the_centre(water_noise, name):
    rings = [(0, 30), (60, 80), (110, 130), (140, 150)]
    stds = [water_noise[name][:, (distance_mm() >= a) & (distance_mm() < b)].std() for a, b in rings]
    assert stds == sorted(stds, reverse=True)


@pytest.mark.parametrize("name", ["mild", "severe"])
def test_mean_hu_of_water_moves_by_less_than_one(water_noise, name):
    assert abs(water_noise[name][:, distance_mm() < 0.95 * RADIUS].mean()) < 1


def volume(size=(24, 18, 5), spacing=(2.0, 1.5, 3.0)) -> sitk.Image:
    hu = np.random.default_rng(0).normal(40, 100, size[::-1]).astype(np.int16)
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing(spacing)
    image.SetOrigin((5.0, -7.0, 100.0))
    return image


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def test_a_rotated_volume_keeps_its_geometry_and_is_scanned_plane_by_plane():
    plain, rotated = volume(), volume()
    rotated.SetDirection((0, 0, 1, 1, 0, 0, 0, 1, 0))
    low = simulate_low_dose(rotated, "severe", 1, device="cpu")
    assert low.GetPixelID() == sitk.sitkInt16
    assert (low.GetSize(), low.GetSpacing(), low.GetOrigin(), low.GetDirection()) == (
        rotated.GetSize(),
        rotated.GetSpacing(),
        rotated.GetOrigin(),
        rotated.GetDirection(),
    )
    assert np.array_equal(array(low), array(simulate_low_dose(plain, "severe", 1, device="cpu")))


def test_a_seed_gives_its_image_again_and_another_seed_another():
    first, again, other = (array(simulate_low_dose(volume(), "mild", seed, device="cpu")) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_equal_slices_get_different_noise():
    image = sitk.GetImageFromArray(np.zeros((4, 32, 32), np.int16))
    low = array(simulate_low_dose(image, "severe", 0, device="cpu"))
    correlations = np.corrcoef(low.reshape(4, -1))[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 0.2


def test_the_original_dose_changes_nothing():
    assert np.array_equal(array(simulate_low_dose(volume(), "native", 0, device="cpu")), array(volume()))


def test_the_input_is_left_alone():
    ct = volume()
    simulate_low_dose(ct, "severe", 0, device="cpu")
    assert np.array_equal(array(ct), array(volume()))


def test_mixed_is_native_for_half_of_the_seeds_and_severe_for_the_rest():
    drawn = [level_of("mixed", seed) for seed in range(400)]
    severe = sum(level is LEVELS["severe"] for level in drawn)
    assert severe + sum(level is LEVELS["native"] for level in drawn) == 400
    assert abs(severe - 200) < 50  # five standard deviations


def test_padding_attenuates_like_air_and_stays_as_it_is():
    hu = np.full((2, 40, 40), -1000, np.int16)
    hu[:, 10:30, 10:30] = 50
    hu[:, :4] = -3024
    low = array(simulate_low_dose(sitk.GetImageFromArray(hu), "severe", 0, device="cpu"))
    assert (low[:, :4] == -3024).all()
    assert low[:, 4:].min() >= -1024
    assert attenuation(hu, 0.02).min() == 0


@pytest.mark.parametrize("size", [(2, 2, 2), (3, 40, 2), (41, 2, 3)])
@pytest.mark.parametrize("level", ["mild", "severe", "legacy_mild", "legacy_severe"])
def test_tiny_and_oblong_slices_are_scanned(size, level):
    low = simulate_low_dose(volume(size), level, 0, device="cpu")
    assert low.GetSize() == size
    assert not np.array_equal(array(low), array(volume(size)))


def test_a_negative_seed_is_refused_in_plain_words():
    with pytest.raises(ReactKDError, match="seed is -1"):
        simulate_low_dose(volume(), "mild", -1, device="cpu")
