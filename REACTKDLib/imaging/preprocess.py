"""From a case to network input (method.md, section 2).

The network's grid is aligned with the patient (LPS axes), whatever the orientation of the scan: flipped or oblique
acquisitions of the same patient give the same input. The CT is cropped and resampled in one pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk

from .case import Case
from .coverage import sees_enough
from .errors import Finding
from .geometry import Geometry
from .masks import bounding_box, row_ends
from .regions import Regions, find_regions
from .representations import representations
from .roles import ROLE_NAMES
from .spec import PreprocessingSpec
from .weights import region_weights

AIR_HU = -1000.0
NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class Preprocessed:
    """Network input of one case.

    channels: modality (`ct`, `fdg`, `act`) -> float32 (3, D, H, W), the three representations; a PET that is missing,
    constant or sees too little of the liver has no entry.
    scaled: the same modalities, float32 (D, H, W) on [0, 1], before they are standardised.
    grid: of the channels. feature_grid: of the map that regions are pooled from.
    region_weights: float32 (R, d, h, w), the fraction of each feature voxel that is region r; background is the rest.
    label_map: uint8 (D, H, W), `Region.label` on the channels' grid.
    """

    channels: Mapping[str, np.ndarray]
    scaled: Mapping[str, np.ndarray]
    grid: Geometry
    feature_grid: Geometry
    region_weights: np.ndarray
    label_map: np.ndarray
    regions: Regions
    findings: tuple[Finding, ...]


def preprocess(case: Case, spec: PreprocessingSpec) -> Preprocessed:
    """Raises CaseError as `find_regions` does."""
    regions = find_regions(case, spec)
    grid = network_grid(case, regions, spec)
    label_map = _labels_on(grid, regions)
    findings = [*case.findings, *regions.findings]
    scaled = {"ct": scaled_ct(case.ct, grid, spec)}
    channels = {"ct": _channels(scaled["ct"], label_map, spec.ct_mean, spec.ct_std, spec.ct_liver_std, spec)}
    for tracer, image in case.pet.items():
        if not sees_enough(image, tracer, regions, findings):
            continue
        pet = _scaled_pet(image, grid, spec)
        if pet is None:
            findings.append(
                Finding(
                    "warning", "pet_constant", f"The {ROLE_NAMES[tracer]} holds one value only; it counts as absent."
                )
            )
        else:
            scaled[tracer] = pet
            channels[tracer] = _channels(pet, label_map, pet.mean(), pet.std(), pet.std(), spec)
    feature_grid = _coarser(grid, spec)
    weights = region_weights(regions, feature_grid)
    return Preprocessed(channels, scaled, grid, feature_grid, weights, label_map, regions, tuple(findings))


def network_grid(case: Case, regions: Regions, spec: PreprocessingSpec) -> Geometry:
    """The LPS-aligned box of the profile, divided into `spec.grid` voxels."""
    if spec.profile == "paper":
        edges, margin = case.geometry.corners(), 0.0
    else:
        edges, margin = _region_edges(regions), spec.margin_mm
    low, high = edges.min(axis=0) - margin, edges.max(axis=0) + margin
    size = spec.grid[::-1]
    spacing = (high - low) / size
    return Geometry(tuple(size), tuple(spacing), tuple(low + spacing / 2))


def _region_edges(regions: Regions) -> np.ndarray:
    """Corners of the outer region voxels: (points, 3) LPS mm.

    Not those of the regions' box: where the CT's axes are oblique, a box around that box is far larger than the liver.
    """
    box = bounding_box(regions.label_map)
    ends = row_ends(regions.label_map[box] != 0)
    return np.concatenate([regions.geometry.crop(box).to_world(ends + c) for c in product((-0.5, 0.5), repeat=3)])


def _labels_on(grid: Geometry, regions: Regions) -> np.ndarray:
    """Nearest-neighbour label map (D, H, W); a lesion that falls between the voxels keeps the one at its centroid."""
    source = regions.geometry.image(regions.label_map)
    labels = sitk.GetArrayFromImage(_resample(source, grid, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8))
    lost = set(regions.labels) - set(np.unique(labels).tolist())
    for region in regions.items:
        if region.label in lost:
            index = np.rint(grid.to_index(np.array(region.centroid_lps_mm))).astype(int)
            labels[tuple(np.clip(index, 0, np.array(grid.size) - 1)[::-1])] = region.label
    return labels


def scaled_ct(ct: sitk.Image, grid: Geometry, spec: PreprocessingSpec) -> np.ndarray:
    """A CT in HU on the network's grid: float32 (D, H, W), the HU window scaled to [0, 1]."""
    low, high = spec.hu_window
    # Clipping comes first, so that bone and air do not bleed into soft tissue; int16 would truncate the result.
    clipped = sitk.Clamp(_crop(ct, grid), ct.GetPixelID(), low, high)
    resampled = _resample(clipped, grid, sitk.sitkLinear, max(AIR_HU, low), sitk.sitkFloat32)
    return (sitk.GetArrayFromImage(resampled) - low) / (high - low)


def _channels(
    scaled: np.ndarray, label_map: np.ndarray, mean: float, std: float, liver_std: float, spec: PreprocessingSpec
) -> np.ndarray:
    """float32 (3, D, H, W)."""
    return np.stack(representations(scaled, label_map, mean, std, liver_std, spec.zero), dtype=np.float32)


def _scaled_pet(pet: sitk.Image, grid: Geometry, spec: PreprocessingSpec) -> np.ndarray | None:
    """float32 (D, H, W) on [0, 1]; None for a PET without contrast. Invariant to the PET's scale: Bq/mL and SUV give
    the same."""
    # Beyond the PET's field its lowest value: zero would look like contrast in a PET that has none.
    lowest = float(sitk.GetArrayViewFromImage(pet).min())
    values = sitk.GetArrayFromImage(_resample(pet, grid, sitk.sitkLinear, lowest, sitk.sitkFloat32))
    low, high = np.percentile(values, spec.pet_percentiles)
    if high - low <= NEGLIGIBLE * max(abs(low), abs(high)):
        return None
    return ((np.clip(values, low, high) - low) / (high - low)).astype(np.float32)


def _crop(image: sitk.Image, grid: Geometry) -> sitk.Image:
    """The part of the image that `grid` needs, one voxel of rim for interpolation included."""
    index = Geometry.of(image).to_index(grid.corners())
    size = np.array(image.GetSize())
    low = np.clip(np.floor(index.min(axis=0)).astype(int) - 1, 0, size - 1)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 2, low + 1, size)
    return sitk.RegionOfInterest(image, (high - low).tolist(), low.tolist())


def _resample(image: sitk.Image, grid: Geometry, interpolator: int, outside: float, pixel_type: int) -> sitk.Image:
    return sitk.Resample(
        image,
        grid.size,
        sitk.Transform(),
        interpolator,
        grid.origin,
        grid.spacing,
        grid.direction,
        outside,
        pixel_type,
    )


def _coarser(grid: Geometry, spec: PreprocessingSpec) -> Geometry:
    """The feature grid: the same box, `feature_stride` times fewer voxels."""
    size = np.array(spec.feature_grid[::-1])
    spacing = np.array(grid.spacing) * spec.feature_stride
    origin = np.array(grid.origin) + (spacing - np.array(grid.spacing)) / 2
    return Geometry(tuple(size.tolist()), tuple(spacing), tuple(origin))
