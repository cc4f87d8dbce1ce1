"""The regions of a liver, one node of the graph each: its parenchyma and every lesion (method.md, 2.3 and 3)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .case import Case
from .errors import CaseError, Finding
from .geometry import Geometry
from .masks import Box, bounding_box, close, components, largest_component
from .spec import PreprocessingSpec

LIVER_ID = "liver"
LIVER_LABEL = 1
PIECES_ERROR, PIECES_WARNING = 0.30, 0.02
"""Fraction of the liver mask in other pieces than its largest, which are left out."""


@dataclass(frozen=True)
class Uptake:
    """Tracer uptake of a region, in the unit of the PET image."""

    mean: float
    max: float


@dataclass(frozen=True)
class Region:
    """One region and what was measured in it on the CT's own grid.

    label: its value in `Regions.label_map`. pet: tracer -> uptake, where the PET's field holds the region.
    """

    id: str
    name: str
    label: int
    volume_ml: float
    centroid_lps_mm: tuple[float, float, float]
    mean_hu: float
    pet: Mapping[str, Uptake]


@dataclass(frozen=True)
class Regions:
    """label_map: uint8 (D, H, W) in `box` of the CT's array; 0 background, else `Region.label`. Liver first, then
    the lesions by falling volume. The liver's region is its parenchyma, without the lesions."""

    label_map: np.ndarray
    box: Box
    ct_geometry: Geometry
    items: tuple[Region, ...]
    findings: tuple[Finding, ...]

    @property
    def geometry(self) -> Geometry:
        """Of the boxed label map."""
        return self.ct_geometry.crop(self.box)

    @property
    def labels(self) -> tuple[int, ...]:
        return tuple(region.label for region in self.items)

    def full_label_map(self) -> sitk.Image:
        """The label map on the whole CT grid."""
        full = np.zeros(self.ct_geometry.shape, np.uint8)
        full[self.box] = self.label_map
        return self.ct_geometry.image(full)


def find_regions(case: Case, spec: PreprocessingSpec) -> Regions:
    """Refines the masks and measures each region. Works on the liver's bounding box only.

    Raises CaseError liver_in_pieces.
    """
    findings: list[Finding] = []
    liver = sitk.GetArrayViewFromImage(case.liver)
    box = bounding_box(liver, margin=spec.liver_closing_iterations + 1)
    tumor = close(sitk.GetArrayViewFromImage(case.tumor)[box], spec.tumor_closing_iterations)
    # The tumour stays whole even where it sticks out of the liver's largest component.
    largest = largest_component(liver[box])
    _check_pieces((liver[box] != 0) & ~largest & ~tumor, np.count_nonzero(liver[box]), findings)
    parenchyma = close(largest, spec.liver_closing_iterations)
    label_map = np.zeros(parenchyma.shape, np.uint8)
    label_map[parenchyma] = LIVER_LABEL
    lesion_labels, count = _lesions(tumor, case.geometry.voxel_ml, spec, findings)
    lesion = lesion_labels > 0
    label_map[lesion] = lesion_labels[lesion] + LIVER_LABEL
    if count == 0:
        findings.append(
            Finding(
                "warning",
                "no_lesion",
                "No lesion was segmented that could be graded: the graph holds the liver only.",
            )
        )
    if not (label_map == LIVER_LABEL).any():
        findings.append(Finding("warning", "no_parenchyma", "The lesions fill the whole liver mask."))
    items = _measure(label_map, box, case, count)
    return Regions(label_map, box, case.geometry, items, tuple(findings))


def _check_pieces(left_out: np.ndarray, total: int, findings: list[Finding]) -> None:
    """left_out: (D, H, W), what is neither in the liver's largest component nor tumour. total: voxels of the liver."""
    fraction = np.count_nonzero(left_out) / total
    if fraction <= PIECES_WARNING:
        return
    pieces = components(left_out)[1].size
    part = f"{fraction:.0%} of the liver mask, in {pieces} other piece{'s' if pieces > 1 else ''},"
    if fraction > PIECES_ERROR:
        raise CaseError(
            "liver_in_pieces",
            f"{part} is not connected to the rest.",
            "Was the liver drawn on every second slice only? Fill the slices between, or join the pieces.",
            "liver",
        )
    findings.append(Finding("warning", "liver_pieces_dropped", f"{part} was left out."))


def _lesions(
    tumor: np.ndarray, voxel_ml: float, spec: PreprocessingSpec, findings: list[Finding]
) -> tuple[np.ndarray, int]:
    """Lesion numbers from 1 by falling volume (D, H, W), and how many there are."""
    labels, counts = components(tumor)
    kept = int(np.count_nonzero(counts * voxel_ml >= spec.min_lesion_ml))
    if dropped := counts.size - kept:
        findings.append(
            Finding(
                "info",
                "lesions_dropped",
                f"{dropped} tumour component{'s' if dropped > 1 else ''} below {spec.min_lesion_ml:g} mL left out.",
            )
        )
    numbers = np.arange(counts.size + 1)
    numbers[numbers > kept] = 0
    if kept > spec.max_lesions:
        findings.append(
            Finding(
                "warning",
                "lesions_merged",
                f"{kept} lesions: the {kept - spec.max_lesions + 1} smallest share one node.",
            )
        )
    # Bytes, as the label map has them: eight times smaller than numpy's own integers, on the whole box.
    numbers = np.minimum(numbers, spec.max_lesions).astype(np.uint8)
    return numbers[labels], min(kept, spec.max_lesions)


def _measure(label_map: np.ndarray, box: Box, case: Case, lesions: int) -> tuple[Region, ...]:
    size = lesions + LIVER_LABEL + 1
    hu = sitk.GetArrayViewFromImage(case.ct)[box]
    sums = np.zeros((5, size))  # of each label: voxels, index along z, y and x, HU
    for z, plane in enumerate(label_map):  # plane by plane: coordinates of every voxel at once fill the memory
        y, x = np.nonzero(plane)
        labels = plane[y, x].astype(np.intp)
        voxels = np.bincount(labels, minlength=size)
        sums[:2] += voxels, voxels * z
        for row, values in ((2, y), (3, x), (4, hu[z][y, x])):
            sums[row] += np.bincount(labels, weights=values, minlength=size)
    counts = sums[0]
    means = sums[1:] / np.maximum(counts, 1)
    mean_hu = means[3]
    index = [mean + s.start for mean, s in zip(means[:3], box, strict=True)]
    centroids = case.geometry.to_world(np.stack(index[::-1], axis=-1))
    uptake = {tracer: _uptake(image, label_map, box, case.geometry, centroids) for tracer, image in case.pet.items()}
    return tuple(
        Region(
            id=LIVER_ID if label == LIVER_LABEL else f"lesion_{label - LIVER_LABEL}",
            name="Liver" if label == LIVER_LABEL else f"Lesion {label - LIVER_LABEL}",
            label=label,
            volume_ml=float(counts[label] * case.geometry.voxel_ml),
            centroid_lps_mm=tuple(map(float, centroids[label])),
            mean_hu=float(mean_hu[label]),
            pet={tracer: values[label] for tracer, values in uptake.items() if label in values},
        )
        for label in range(LIVER_LABEL, size)
        if counts[label]
    )


def _uptake(
    pet: sitk.Image, label_map: np.ndarray, box: Box, ct_geometry: Geometry, centroids: np.ndarray
) -> dict[int, Uptake]:
    """Of each label, on the PET's own voxels; a region smaller than those is read at its centroid. A region outside
    the PET's field has none."""
    on_ct = ct_geometry.crop(box).image(label_map)
    on_pet = sitk.Resample(on_ct, pet, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    labels = sitk.GetArrayViewFromImage(on_pet).ravel()
    inside = np.flatnonzero(labels)
    labels, values = labels[inside], sitk.GetArrayViewFromImage(pet).ravel()[inside]
    size = len(centroids)
    counts = np.bincount(labels, minlength=size)
    sums = np.bincount(labels, weights=values, minlength=size)
    highest = np.full(size, -np.inf)
    np.maximum.at(highest, labels, values)
    found: dict[int, Uptake] = {}
    for label in range(LIVER_LABEL, size):
        if counts[label]:
            found[label] = Uptake(float(sums[label] / counts[label]), float(highest[label]))
        else:
            nearest = np.rint(Geometry.of(pet).to_index(centroids[label])).astype(int)
            if np.all((nearest >= 0) & (nearest < pet.GetSize())):
                value = float(pet[tuple(nearest.tolist())])
                found[label] = Uptake(value, value)
    return found
