"""Tissues look to CT and PET as they do in the portal venous phase, an hour after injection."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation


def parenchyma(patient) -> np.ndarray:
    """Liver away from lesions, where they do not spill into it."""
    return patient.liver & ~binary_dilation(patient.tumor, iterations=2)


def test_organs_have_portal_venous_attenuation(patients):
    medians = [np.median(patient.hu[parenchyma(patient)]) for patient in patients]
    assert np.mean(medians) == pytest.approx(105, abs=5)
    assert np.std(medians) > 1
    aorta = patients[0].ball((10, 23, 10), 5)
    assert np.mean([patient.hu[aorta].mean() for patient in patients]) == pytest.approx(150, abs=15)
    air = np.concatenate([patient.hu[:, :4, :4].ravel() for patient in patients])
    assert air.mean() == pytest.approx(-1000, abs=3)


def test_kidneys_take_up_fdg_most_and_the_liver_takes_up_acetate(patients):
    world = patients[0].world
    back = patients[0].ball((0, 100, 0), 60) & (world[..., 1] > 60)
    for patient in patients:
        for side in (world[..., 0] < -20, world[..., 0] > 20):
            hottest = world[side & (patient.fdg > np.percentile(patient.fdg[side], 99.5))]
            x, y, z = hottest.mean(0)
            assert 40 < abs(x) < 75
            assert y > 20
            assert z < 0
        liver, muscle = parenchyma(patient), back & (np.abs(patient.hu - 55) < 15)
        assert patient.act[liver].mean() > 2.5 * patient.act[muscle].mean()
        assert patient.fdg[liver].mean() > 2 * patient.fdg[muscle].mean()
