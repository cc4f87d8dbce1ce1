"""Organs are where they are in a person, and the liver as large as it was drawn."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, binary_fill_holes, distance_transform_edt
from skimage.measure import label


def test_the_liver_is_on_the_right_the_spine_behind_and_in_the_midline(patients):
    for patient in patients:
        world, liver = patient.world, patient.world[patient.liver]
        assert liver[:, 0].mean() < -40
        assert (liver[:, 0] > 0).mean() < 0.25
        near_spine = (np.abs(world[..., 0]) < 25) & (world[..., 1] > 35) & (np.abs(world[..., 2]) < 60)
        bone = world[(patient.hu > 130) & near_spine]
        assert len(bone) * patient.geometry.voxel_ml > 60
        assert abs(bone[:, 0].mean()) < 6
        assert bone[:, 1].mean() > liver[:, 1].mean() + 30


def test_the_spleen_mirrors_the_liver_at_the_back_left(patients):
    spleen = patients[0].ball((102, 26, 26), 8)
    assert np.mean([patient.hu[spleen].mean() for patient in patients]) == pytest.approx(120, abs=8)
    assert not any(patient.liver[spleen].any() for patient in patients)


@pytest.mark.parametrize("ml", [(1100.0, 1150.0), (1850.0, 1900.0)])
def test_the_liver_has_the_volume_that_was_drawn_in_one_piece(made, tiny, ml):
    patient = made(11, settings=replace(tiny, liver_ml=ml))
    assert ml[0] - 2 <= patient.liver.sum() * patient.geometry.voxel_ml <= ml[1] + 2
    assert label(patient.liver, connectivity=1).max() == 1


def test_the_skin_lies_on_fat_and_the_lungs_above_the_dome(default):
    hu, spacing = default.hu, default.geometry.spacing[::-1]
    body = np.stack([binary_fill_holes(part) for part in hu > -400])
    depth = np.stack([distance_transform_edt(part, sampling=spacing[1:]) for part in body])
    assert np.median(hu[(depth > 4) & (depth < 8)]) == pytest.approx(-100, abs=15)
    dome = np.flatnonzero(default.liver.any((1, 2))).max()
    above = hu[dome + 2][binary_erosion(body[dome + 2], iterations=15)]
    assert (above < -700).mean() > 0.3
