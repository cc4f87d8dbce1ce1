"""A CT as if it had been taken at a lower dose."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import SimpleITK as sitk
import torch

from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.reading import compact
from REACTKDLib.inference.device import find_device

from .astra import AstraProjector
from .geometry import ParallelBeam
from .levels import DoseLevel, LegacyLevel, LevelName, level_of
from .projector import Projector
from .settings import AIR_HU, ScannerSettings

SLICES_AT_ONCE = 16
"""Line integrals of one 512x512 slice take 2 MB, and the transforms several times that."""
LOWEST_HU = -1024.0
"""Where the scale of most scanners ends. Noise in air stops here; padding below it stays as it is."""
HU_PER_WATER = 1000.0


def simulate_low_dose(
    ct: sitk.Image,
    level: LevelName,
    seed: int,
    *,
    scanner: ScannerSettings | None = None,
    device: str = "auto",
) -> sitk.Image:
    """The CT plus the noise of the lower dose; its resolution stays (method.md, section 5).

    Each image plane k is scanned on its own, whatever the direction: for an axial series, oblique or flipped, these are
    the scanner's slices. A volume that was resampled to sagittal or coronal planes is not what a scanner sees.

    ct: HU. seed: of the case, not negative; every slice draws its own noise. device: auto, cpu, cuda or cuda:N; the
    noise is drawn on the CPU, so devices agree to the rounding of a HU, but where less than 20 photons are expected.
    Returns the same grid in int16, or float32 where the CT is not of whole HU.
    Raises DeviceError, AstraMissing, CaseError negative_seed.
    """
    if seed < 0:
        raise CaseError("negative_seed", f"The seed is {seed}.", "Use 0 or more.")
    found = find_device(device).torch_device
    ct, dose = compact(ct), level_of(level, seed)
    if not dose.adds_noise:
        return sitk.Image(ct)
    scanner = scanner or ScannerSettings()
    hu = sitk.GetArrayFromImage(ct)
    beam = ParallelBeam(ct.GetSize()[:2], ct.GetSpacing()[:2], scanner.views)
    projector = AstraProjector(beam) if scanner.projector == "astra" else Projector(beam, found)
    for first in range(0, len(hu), SLICES_AT_ONCE):
        block = slice(first, min(first + SLICES_AT_ONCE, len(hu)))
        generators = [np.random.default_rng((seed, k)) for k in range(block.start, block.stop)]
        hu[block] = _in_scale(hu[block], noise_hu(hu[block], projector, dose, scanner, generators))
    return Geometry.of(ct).image(hu)


def noise_hu(
    hu: np.ndarray,
    projector: Projector | AstraProjector,
    dose: DoseLevel | LegacyLevel,
    scanner: ScannerSettings,
    generators: list[np.random.Generator],
) -> np.ndarray:
    """FBP(p_low) − FBP(p) of slices, HU. As FBP is linear, p_low − p alone is reconstructed.

    hu: (S, H, W). generators: one a slice. Returns (S, H, W), float32.
    """
    line_integrals = projector.project(attenuation(hu, scanner.water_attenuation).to(projector.device)).cpu().numpy()
    draw = partial(dose.noise, scanner=scanner)
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        noise = list(threads.map(lambda p, generator: draw(p, generator=generator), line_integrals, generators))
    slices = projector.filtered_back_project(torch.from_numpy(np.stack(noise)).to(projector.device))
    return (slices * (HU_PER_WATER / scanner.water_attenuation)).cpu().numpy()


def attenuation(hu: np.ndarray, water_attenuation: float) -> torch.Tensor:
    """μ = μ_w (1 + HU / 1000), not below zero: 1/mm, float32."""
    relative = np.maximum(hu.astype(np.float32), AIR_HU) / HU_PER_WATER + 1
    return torch.from_numpy(water_attenuation * relative)


def _in_scale(hu: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The sum in the type of `hu`, within its range and the scanner's."""
    noisy = np.where(hu < LOWEST_HU, hu, np.maximum(hu + noise, LOWEST_HU))
    if hu.dtype == np.int16:
        noisy = np.minimum(np.rint(noisy), np.iinfo(np.int16).max)
    return noisy.astype(hu.dtype)
