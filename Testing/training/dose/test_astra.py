import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from training.dose.astra import AstraMissing, AstraProjector
from training.dose.geometry import ParallelBeam
from training.dose.projector import Projector
from training.dose.settings import ScannerSettings
from training.dose.simulation import simulate_low_dose

ASTRA = ScannerSettings(views=120, projector="astra")


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "astra", None)
    ct = sitk.GetImageFromArray(np.zeros((1, 8, 8), np.int16))
    with pytest.raises(AstraMissing, match=r"pip install reactkd\[astra\]"):
        simulate_low_dose(ct, "severe", 0, scanner=ASTRA, device="cpu")


@pytest.mark.parametrize(("size", "spacing"), [((81, 60), (1, 1)), ((80, 61), (0.7, 0.7)), ((80, 60), (0.7, 1.1))])
def test_line_integrals_and_fbp_agree_with_our_own(size, spacing):
    pytest.importorskip("astra", exc_type=ImportError)
    beam = ParallelBeam(size, spacing, 90)
    x, y = ((np.arange(n) - n // 2) * d for n, d in zip(size, spacing, strict=True))
    # Off the axis and lopsided: a flip or half a pixel's shift would show.
    blob = np.exp(-((x - 6) ** 2 / 32 + (y[:, None] + 4) ** 2 / 72))
    slices = torch.from_numpy(np.stack([blob, 2 * blob])).float()
    ours, theirs = Projector(beam, torch.device("cpu")), AstraProjector(beam)
    sinograms = ours.project(slices)
    assert (theirs.project(slices) - sinograms).abs().max() < 0.01 * sinograms.max()
    assert (theirs.filtered_back_project(sinograms) - slices).abs().max() < 0.02 * slices.max()


def test_a_low_dose_has_the_same_noise_smoothed_by_what_strips_average():
    pytest.importorskip("astra", exc_type=ImportError)
    axis = np.arange(96) - 48
    hu = np.where(np.hypot(axis, axis[:, None]) < 40, 0, -1000).astype(np.int16)
    ct = sitk.GetImageFromArray(hu[None])
    ct.SetSpacing((3.0, 3.0, 3.0))
    ours, theirs = (
        sitk.GetArrayFromImage(simulate_low_dose(ct, "severe", 0, scanner=scanner, device="cpu"))[0, 30:66, 30:66]
        for scanner in (ScannerSettings(views=120), ASTRA)
    )
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.85
    assert 0.6 < theirs.std() / ours.std() < 0.8
