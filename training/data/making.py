"""From a case to its entry of the cache."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import SimpleITK as sitk
import torch

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import Finding
from REACTKDLib.imaging.preprocess import preprocess, scaled_ct

from ..dose.simulation import simulate_low_dose
from .cache_settings import CacheSettings
from .entry import CachedCase

IN_BODY_HU = -500.0
"""Lungs and the air around the patient are below [D]."""


def make_entry(case: Case, settings: CacheSettings) -> tuple[CachedCase, tuple[Finding, ...]]:
    """The entry, and what is doubtful about the case. Low doses are simulated on the CT as it was scanned.

    On one core of the CPU, whatever the machine has: the number of threads would change the rounding, and an entry
    that is made anew has to be the same. Cases are made side by side instead.
    """
    spec = settings.preprocessing
    data = preprocess(case, spec)
    images = dict(data.scaled)
    with _one_thread():
        for level in settings.low_doses:
            seed = settings.noise_seed(case.name)
            low_dose = simulate_low_dose(case.ct, level, seed, scanner=settings.scanner, device="cpu")
            images[f"ct_{level}"] = scaled_ct(low_dose, data.grid, spec)
    entry = CachedCase(
        {name: image.astype(np.float16) for name, image in images.items()},
        data.label_map,
        data.region_weights.astype(np.float16),
        data.regions.labels,
        body_sums(case.ct, spec.hu_window),
    )
    return entry, data.findings


def body_sums(ct: sitk.Image, hu_window: tuple[float, float]) -> tuple[int, float, float]:
    """Count, sum and sum of squares of the in-body voxels, after scaling the window to [0, 1] (method.md, 2.1)."""
    low, high = hu_window
    count, total, squares = 0, 0.0, 0.0
    for plane in sitk.GetArrayViewFromImage(ct):  # plane by plane: the whole volume in float64 is four times the CT
        values = (np.clip(plane[plane > IN_BODY_HU].astype(np.float64), low, high) - low) / (high - low)
        count += values.size
        total += float(values.sum())
        squares += float((values**2).sum())
    return count, total, squares


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
