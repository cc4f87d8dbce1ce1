"""What scanners make of a patient: resolution, sampling and noise."""

import numpy as np
import SimpleITK as sitk

from ..geometry import Geometry
from .grids import axes_of, centred, point_spread, separable
from .settings import PhantomSettings
from .tissues import Maps


def scan_ct(hu: np.ndarray, geometry: Geometry, rng: np.random.Generator, settings: PhantomSettings) -> np.ndarray:
    """Resolution and noise. Returns int16 HU.

    The noise power grows with in-plane frequency and then falls, as the ramp and the apodisation of filtered
    back-projection make it: f exp(-(f / f0)^2), f0 being half the highest frequency.
    """
    axes = axes_of(geometry)
    sharp = separable(hu, [point_spread(axis, axis, settings.ct_fwhm_mm) for axis in axes])
    depth, height, width = geometry.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    response = np.sqrt(frequency * np.exp(-((frequency / 0.25) ** 2)))
    response *= settings.ct_noise_hu / np.sqrt(np.mean(response**2))
    half = response[:, : width // 2 + 1].astype(np.float32)
    white = rng.standard_normal((depth, height, width), dtype=np.float32)
    noise = np.fft.irfft2(np.fft.rfft2(white) * half, s=(height, width))
    return np.clip(np.rint(sharp + noise), -1024, 3071).astype(np.int16)


def scan_pet(
    maps: Maps, geometry: Geometry, rng: np.random.Generator, settings: PhantomSettings
) -> dict[str, sitk.Image]:
    """Both tracers in Bq/mL, float32, on the PET's own grid: blurred, counted, filtered."""
    spacing = settings.pet_spacing
    extent = np.multiply(settings.ct_size, settings.ct_spacing) + (settings.pet_margin_mm * 2 * np.array((1, 1, 0)))
    size = tuple(int(n) for n in np.ceil(extent / spacing))
    grid = centred(size, spacing, offset=rng.uniform(-0.5, 0.5, 3) * spacing)
    shift = settings.pet_shift_mm * rng.standard_normal(3)
    blur = np.sqrt(max(settings.pet_fwhm_mm**2 - settings.pet_filter_fwhm_mm**2, 0.0))

    axes = axes_of(geometry)
    # Beyond the CT the patient goes on as at its edge.
    places = [
        np.clip(to - offset, axis[0], axis[-1])
        for to, axis, offset in zip(axes_of(grid), axes, shift[::-1], strict=True)
    ]
    spread = [point_spread(to, axis, blur) for to, axis in zip(places, axes, strict=True)]
    smooth = [point_spread(axis, axis, settings.pet_filter_fwhm_mm) for axis in axes_of(grid)]
    counts_per_kbq_ml = settings.pet_counts_per_kbq * grid.voxel_ml
    images = {}
    for tracer, activity in (("fdg", maps.fdg), ("act", maps.act)):
        counts = rng.poisson(separable(activity, spread) * counts_per_kbq_ml)
        kbq_ml = separable(counts.astype(np.float32), smooth) / np.float32(counts_per_kbq_ml)
        images[tracer] = grid.image(1000 * kbq_ml)
    return images
