"""Low-dose CT: projection and FBP of a slice, and a whole volume."""

from importlib.util import find_spec

import numpy as np
import SimpleITK as sitk
import torch
from skimage.transform import iradon, radon

from Testing.benchmarks.common import Row, in_fresh_process, measure
from training.dose.astra import AstraProjector
from training.dose.geometry import ParallelBeam
from training.dose.projector import Projector
from training.dose.simulation import simulate_low_dose

PIXELS, VIEWS, SLICES, TOGETHER = 512, 720, 148, 16


def rows() -> list[Row]:
    work = f"project and back-project a {PIXELS}x{PIXELS} slice, {VIEWS} views"
    ours, peak = in_fresh_process(ours_seconds)
    note = f"ours: {TOGETHER} slices at once, per slice"
    plain = measure(scikit_image, repeats=1, warmup=0)
    slice_row = Row(work, ours, "scikit-image radon, iradon", plain, note, peak)
    volume, peak = in_fresh_process(volume_seconds)
    work = f"severe dose of a {PIXELS}x{PIXELS}x{SLICES} CT"
    baseline = "scikit-image, one slice times all, no noise"
    found = [slice_row, Row(work, volume, baseline, plain * SLICES, "ours draws the noise too", peak)]
    if find_spec("astra"):
        found.insert(1, Row(slice_row.work, ours, "ASTRA on the CPU", measure(astra, repeats=1, warmup=0), note))
    return found


def disc() -> np.ndarray:
    """μ of a cylinder of water that fills most of the slice: 1/mm, at 0.7 mm a pixel."""
    axis = np.arange(PIXELS) - PIXELS // 2
    return np.where(np.hypot(axis, axis[:, None]) < 0.4 * PIXELS, 0.02, 0).astype(np.float32)


def ours_seconds() -> float:
    projector = Projector(ParallelBeam((PIXELS, PIXELS), (0.7, 0.7), VIEWS), torch.device("cpu"))
    slices = torch.from_numpy(np.repeat(disc()[None], TOGETHER, axis=0))
    return measure(lambda: projector.filtered_back_project(projector.project(slices)), repeats=3, warmup=1) / TOGETHER


def volume_seconds(device: str = "cpu") -> float:
    hu = np.repeat((disc()[None] * 50_000 - 1000).astype(np.int16), SLICES, axis=0)
    ct = sitk.GetImageFromArray(hu)
    ct.SetSpacing((0.7, 0.7, 2.5))
    return measure(lambda: simulate_low_dose(ct, "severe", 0, device=device), repeats=1, warmup=0)


def scikit_image() -> np.ndarray:
    degrees = np.arange(VIEWS) * 180 / VIEWS
    return iradon(radon(disc(), degrees, circle=False), degrees, circle=False, output_size=PIXELS)


def astra() -> torch.Tensor:
    projector = AstraProjector(ParallelBeam((PIXELS, PIXELS), (0.7, 0.7), VIEWS))
    return projector.filtered_back_project(projector.project(torch.from_numpy(disc())[None]))
