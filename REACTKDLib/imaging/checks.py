"""What can be wrong with a CT and the liver drawn on it, and what is merely doubtful."""

import numpy as np
import SimpleITK as sitk

from .errors import CaseError, Finding
from .geometry import Geometry
from .masks import bounding_box
from .reading import not_finite
from .roles import ROLE_NAMES

MIN_LIVER_ML = 20.0
USUAL_LIVER_ML = (400.0, 4000.0)
FAT_HU = -50.0
"""Liver is above this even with severe steatosis; fat and air are below."""
MISFIT_ERROR, MISFIT_WARNING = 0.25, 0.05
"""Fraction of the liver mask that holds fat or air, from which it does not, or may not, fit the CT."""
POSSIBLE_LIVER_HU, USUAL_LIVER_HU = (-20.0, 250.0), (20.0, 200.0)
"""Of the median. Severe steatosis without contrast agent is about 0, the brightest portal venous phase about 200."""
NEGATIVE_PET, LOW_QUANTILE, SAMPLED = 0.05, 0.05, 64
"""Reconstruction leaves some values slightly below zero; a CT has air in every twentieth voxel, and far below."""
BODY_HU = -300.0
"""Fat, muscle and bone are above; air and most of the lungs are below."""
BODY_GRID_MM = 3.0
LEFT_MM = 20.0
"""A liver lies 45 to 80 mm to the right of the middle of the body, 30 mm in a field of view cut to its own box."""


def check_finite(image: sitk.Image, role: str) -> None:
    """Raises CaseError not_finite."""
    values = sitk.GetArrayViewFromImage(image)
    # A sum is not finite when a value is not, and needs no copy of the volume.
    if values.dtype.kind == "f" and not np.isfinite(values.sum(dtype=np.float64)):
        raise not_finite(role)


def check_ct(ct: sitk.Image) -> None:
    """By its values alone. Raises CaseError: not_finite, constant_ct, not_hu."""
    check_finite(ct, "ct")
    values = sitk.GetArrayViewFromImage(ct)
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise CaseError("constant_ct", f"The CT holds one value only ({low:g}).", "Is it the right volume?", "ct")
    if low >= 0 or high - low < 100:
        raise CaseError(
            "not_hu",
            f"The CT is not in Hounsfield units: its values run from {low:g} to {high:g}, "
            "and a CT has fat and air below 0.",
            "Give the original CT, not a windowed or rescaled copy.",
            "ct",
        )


def check_pet(pet: sitk.Image, tracer: str) -> None:
    """By its values alone. Raises CaseError: not_finite, not_pet."""
    check_finite(pet, tracer)
    values = sitk.GetArrayViewFromImage(pet)
    sparse = values[tuple(slice(None, None, max(1, size // SAMPLED)) for size in values.shape)]
    low = float(np.quantile(sparse, LOW_QUANTILE))
    if low < -NEGATIVE_PET * float(values.max()):
        raise CaseError(
            "not_pet",
            f"The {ROLE_NAMES[tracer]} holds negative values ({LOW_QUANTILE:.0%} of it below {low:.0f}), which no "
            "uptake is: it looks like a CT.",
            "Was the CT given twice?",
            tracer,
        )
    if len(found := np.unique(sparse)) == 2 and found[0] == 0:
        raise CaseError(
            "not_pet",
            f"The {ROLE_NAMES[tracer]} holds two values only, 0 and {found[1]:g}: it looks like a mask.",
            "Give the image of the uptake.",
            tracer,
        )


def check_liver(liver: sitk.Image, tumor: sitk.Image, ct: sitk.Image, findings: list[Finding]) -> None:
    """Of masks on the CT's grid, the tumour part of the liver. Raises CaseError: empty_liver, liver_does_not_fit,
    not_hu."""
    mask = sitk.GetArrayViewFromImage(liver)
    box = bounding_box(mask)
    inside = mask[box] != 0
    hu = sitk.GetArrayViewFromImage(ct)[box][inside]
    volume = hu.size * Geometry.of(ct).voxel_ml
    if volume < MIN_LIVER_ML:
        raise CaseError(
            "empty_liver",
            f"The liver mask holds only {volume:.1f} mL.",
            "Segment the whole liver, or what the CT shows of it.",
            "liver",
        )
    _check_fit(hu, findings)
    parenchyma = hu[sitk.GetArrayViewFromImage(tumor)[box][inside] == 0]
    _check_density(float(np.median(parenchyma if parenchyma.size else hu)), findings)
    if not USUAL_LIVER_ML[0] <= volume <= USUAL_LIVER_ML[1]:
        findings.append(
            Finding("warning", "unusual_liver_volume", f"The liver measures {volume:.0f} mL, which is unusual.")
        )
    if any(face.any() for axis in range(3) for face in (mask.take(0, axis), mask.take(-1, axis))):
        findings.append(
            Finding("warning", "liver_cut_off", "The liver reaches the edge of the CT: part of it is not in view.")
        )


def check_side(liver_points: np.ndarray, ct: sitk.Image, findings: list[Finding]) -> None:
    """liver_points: (n, 3) LPS mm, spread evenly over the liver."""
    geometry = Geometry.of(ct)
    step = np.array([max(1, int(BODY_GRID_MM / s)) for s in geometry.spacing[::-1]])
    body = sitk.GetArrayViewFromImage(ct)[tuple(slice(None, None, n) for n in step)] > BODY_HU
    middle = geometry.to_world((np.argwhere(body).mean(axis=0) * step)[::-1])
    if (left := (liver_points.mean(axis=0) - middle)[0]) > LEFT_MM:
        findings.append(
            Finding(
                "warning",
                "liver_on_left",
                f"The liver lies {left:.0f} mm to the left of the middle of the body. Either images or segmentation "
                "are mirrored, and left and right in this result are wrong, or the organs are (situs inversus).",
            )
        )


def _check_fit(hu: np.ndarray, findings: list[Finding]) -> None:
    misfit = float(np.mean(hu < FAT_HU))
    if misfit > MISFIT_ERROR:
        raise CaseError(
            "liver_does_not_fit",
            f"The liver mask does not fit the CT: {misfit:.0%} of it holds fat or air (below {FAT_HU:g} HU).",
            "Was the mask drawn on this CT, and was its position saved with it?",
            "liver",
        )
    if misfit > MISFIT_WARNING:
        findings.append(
            Finding(
                "warning",
                "liver_may_not_fit",
                f"{misfit:.0%} of the liver mask holds fat or air: it may not fit the CT.",
            )
        )


def _check_density(hu: float, findings: list[Finding]) -> None:
    """hu: median of the liver without its tumour."""
    low, high = POSSIBLE_LIVER_HU
    if not low <= hu <= high:
        raise CaseError(
            "not_hu",
            f"The CT is not in Hounsfield units: the liver measures {hu:.0f} HU, "
            f"and a liver lies between {low:g} and {high:g} HU.",
            "Were the rescale slope and intercept applied, and once only? Give the original CT.",
            "ct",
        )
    if not USUAL_LIVER_HU[0] <= hu <= USUAL_LIVER_HU[1]:
        liver = "a very fatty liver" if hu < USUAL_LIVER_HU[0] else "a liver very bright with contrast agent"
        message = f"The liver measures {hu:.0f} HU: {liver}, or a CT whose rescale slope or intercept is wrong."
        findings.append(Finding("warning", "unusual_liver_hu", message))
