"""Scanners: the asked noise in the CT, and a PET on a grid of its own, over the same patient."""

from dataclasses import replace

import numpy as np
import pytest

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.phantom import PhantomSettings


def test_ct_noise_has_the_asked_strength_and_the_grain_of_filtered_back_projection(made):
    noisy, clean = (made(9, settings=PhantomSettings.coarse(ct_noise_hu=hu)).hu for hu in (20.0, 0.0))
    noise = noisy.astype(float) - clean
    body = clean > -200
    assert noise[body].std() == pytest.approx(20.0, rel=0.03)
    assert abs(noise[body].mean()) < 0.3
    power = np.abs(np.fft.fft2(noise[:, 22:66, 22:66])).mean(0) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(44), np.fft.fftfreq(44)))
    middle = power[(frequency > 0.12) & (frequency < 0.25)].mean()
    assert middle > 2 * power[(frequency > 0) & (frequency < 0.04)].mean()
    assert middle > 2 * power[frequency > 0.5].mean()


def test_the_pet_has_its_own_grid_and_lies_over_the_ct_in_the_world(default):
    ct, pet = default.geometry, Geometry.of(default.phantom.pet["fdg"])
    assert pet == Geometry.of(default.phantom.pet["act"])
    assert not pet.matches(ct)
    assert pet.origin != ct.origin
    voxels = pet.to_index(default.world[default.liver])
    assert np.all((voxels > -0.5) & (voxels < np.array(pet.size) - 0.5))
    body_ct, body_pet = default.hu > -300, default.fdg > 600
    assert 2 * (body_ct & body_pet).sum() / (body_ct.sum() + body_pet.sum()) > 0.85


def test_the_pet_is_displaced_only_when_asked(made, tiny):
    still, moved = (made(2, 2, settings=replace(tiny, pet_shift_mm=shift)) for shift in (0.0, 12.0))
    assert np.array_equal(still.hu, moved.hu)
    centres = [np.average(patient.world, axis=(0, 1, 2), weights=patient.act) for patient in (still, moved)]
    assert np.linalg.norm(centres[0] - centres[1]) > 4
    assert still.act[still.liver].mean() > moved.act[still.liver].mean()


def test_four_times_the_counts_halve_the_noise_of_the_pet(made, tiny):
    few, more, many = (made(10, 0, 0, replace(tiny, pet_counts_per_kbq=counts)) for counts in (10.0, 40.0, 1e6))
    noise = [(patient.act - many.act)[many.liver].std() for patient in (few, more)]
    assert noise[0] / noise[1] == pytest.approx(2.0, rel=0.12)
