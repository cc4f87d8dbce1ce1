"""How much of the liver and of its lesions the field of a PET holds (method.md, 1)."""

import numpy as np
import SimpleITK as sitk

from .errors import Finding
from .geometry import Geometry
from .regions import LIVER_LABEL, Regions
from .roles import ROLE_NAMES

ENOUGH = 0.5
"""Of the liver, and of one lesion at least. In the network's input there is no uptake beyond the field: a PET that
holds less would say more by where it ends than by what it measured."""
WHOLE = 0.98


def sees_enough(pet: sitk.Image, tracer: str, regions: Regions, findings: list[Finding]) -> bool:
    """Whether the PET is to be read. Adds to the findings what its field does not hold."""
    name = ROLE_NAMES[tracer]

    def warn(code: str, message: str) -> None:
        findings.append(Finding("warning", code, message))

    field = Geometry.of(pet)
    if field.contains(regions.geometry.corners()).all():  # a box in a box
        return True
    liver, lesions = _coverage(field, regions)
    if liver < ENOUGH:
        warn("pet_dropped", f"The {name} covers only {liver:.0%} of the liver; it counts as absent.")
        return False
    if (most := max(lesions.values(), default=1.0)) < ENOUGH:
        part = "less than half of every lesion" if most else "none of the lesions"
        warn("pet_dropped", f"The {name} covers {part}; it counts as absent.")
        return False
    if liver < WHOLE:
        warn("pet_partial", f"The {name} covers only {liver:.0%} of the liver.")
    for lesion, fraction in lesions.items():
        if fraction < WHOLE:
            warn("lesion_outside_pet", f"{1 - fraction:.0%} of {lesion} lies outside the field of the {name}.")
    return True


def _coverage(field: Geometry, regions: Regions) -> tuple[float, dict[str, float]]:
    """The fraction of the liver, lesions included, that lies in the field, and that of each lesion by its name."""
    on_ct = regions.geometry.image(regions.label_map)
    in_field = field.image(np.ones(field.shape, np.uint8))
    in_field = sitk.Resample(in_field, on_ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    voxels = regions.label_map > 0
    labels, held = regions.label_map[voxels], sitk.GetArrayViewFromImage(in_field)[voxels]
    fractions = np.bincount(labels, weights=held) / np.maximum(np.bincount(labels), 1)
    lesions = (region for region in regions.items if region.label != LIVER_LABEL)
    return float(held.mean()), {lesion.name: float(fractions[lesion.label]) for lesion in lesions}
