"""A case: CT, PET where there is one, liver and tumour. Checked once, here; nothing downstream checks again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .errors import CaseError, Finding
from .geometry import Geometry
from .masks import Box, bounding_box, components
from .reading import ROLE_NAMES, Source, checksum, compact, not_finite, read_volume
from .segments import read_masks
from .spec import TRACERS

MIN_LIVER_ML = 20.0
USUAL_LIVER_ML = (400.0, 4000.0)
FAT_HU = -50.0
"""Liver is above this even with severe steatosis; fat and air are below."""
MISFIT_ERROR, MISFIT_WARNING = 0.25, 0.05
"""Fraction of the liver mask that holds fat or air, from which it does not, or may not, fit the CT."""
TUMOR_OUTSIDE_WARNING = 0.05
DISTANCE_GRID_MM = 3.0
TUMOR_REACH_MM = 10.0
"""A tumour component farther than this from the liver is not one of its lesions."""
PET_COVERAGE_WARNING = 0.98


@dataclass(frozen=True)
class Case:
    """One scan, valid by construction: make it with `from_files` or `from_images`.

    ct: HU, int16 or float32, any orientation. liver, tumor: uint8 masks on the CT's grid; the liver includes the
    tumour; the tumour may be empty. pet: tracer -> image on its own grid, overlapping the liver.
    findings: what is doubtful. sources: role -> checksum and geometry of what was read. selection: what was chosen
    within those files: liver_segment, tumor_segment, acquisition.
    """

    name: str
    ct: sitk.Image
    liver: sitk.Image
    tumor: sitk.Image
    pet: Mapping[str, sitk.Image]
    findings: tuple[Finding, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    selection: Mapping[str, str | int | None] = field(default_factory=dict)

    @classmethod
    def from_files(
        cls,
        *,
        ct: Path | str,
        segmentation: Path | str | None = None,
        liver: Path | str | None = None,
        tumor: Path | str | None = None,
        pet_fdg: Path | str | None = None,
        pet_act: Path | str | None = None,
        liver_segment: str | None = None,
        tumor_segment: str | None = None,
        acquisition: int | None = None,
        name: str = "case",
    ) -> "Case":
        """Reads and checks a case. Images are files or DICOM folders; masks as in `read_masks`.

        name: how the case is called in results; never taken from the files, whose names can hold a patient's.
        Raises CaseError.
        """
        files = {"ct": ct, "segmentation": segmentation, "liver": liver, "tumor": tumor, "fdg": pet_fdg, "act": pet_act}
        files = {role: path for role, path in files.items() if path is not None}
        ct_image = read_volume(ct, "ct", acquisition)
        pet = {tracer: read_volume(files[tracer], tracer) for tracer in TRACERS if tracer in files}
        liver_mask, tumor_mask = read_masks(
            segmentation=segmentation,
            liver=liver,
            tumor=tumor,
            liver_segment=liver_segment,
            tumor_segment=tumor_segment,
        )
        images = {"ct": ct_image, "segmentation": liver_mask, "liver": liver_mask, "tumor": tumor_mask, **pet}
        sources = {
            role: Source(checksum(path), Geometry.of(ct_image if images[role] is None else images[role]))
            for role, path in files.items()
        }
        case = cls.from_images(ct_image, liver_mask, tumor_mask, pet, name=name, sources=sources)
        selection = {"liver_segment": liver_segment, "tumor_segment": tumor_segment, "acquisition": acquisition}
        return replace(case, selection=selection)

    @classmethod
    def from_images(
        cls,
        ct: sitk.Image,
        liver: sitk.Image,
        tumor: sitk.Image | None = None,
        pet: Mapping[str, sitk.Image] | None = None,
        *,
        name: str = "case",
        sources: Mapping[str, Source] | None = None,
    ) -> "Case":
        """Checks the images of a case and brings the masks onto the CT's grid, through world coordinates.

        Raises CaseError: not_finite, not_hu, constant_ct, empty_liver, liver_outside_ct, tumor_outside_ct,
        liver_does_not_fit, tumor_outside_liver, pet_no_overlap.
        """
        findings: list[Finding] = []
        ct = compact(ct)
        _check_hu(ct)
        geometry = Geometry.of(ct)
        liver = _mask_on_ct(liver, ct, "liver", findings)
        tumor = _mask_on_ct(tumor, ct, "tumor", findings) if tumor is not None else _empty(ct)
        if not _any(liver):
            raise CaseError("empty_liver", "The liver mask is empty.", "Segment the liver first.")
        liver, tumor = _joined(liver, tumor, findings)
        _check_liver(liver, ct, findings)
        pet = {tracer: compact_pet(image, tracer) for tracer, image in (pet or {}).items()}
        inside = _sample_points(liver, geometry)
        for tracer, image in pet.items():
            _check_pet(image, tracer, inside, findings)
        return cls(name, ct, liver, tumor, pet, tuple(findings), dict(sources or {}))

    @property
    def geometry(self) -> Geometry:
        """Of the CT, to which everything else is brought."""
        return Geometry.of(self.ct)


def compact_pet(image: sitk.Image, tracer: str) -> sitk.Image:
    """float32, whatever the file held. Raises CaseError not_finite."""
    image = sitk.Cast(image, sitk.sitkFloat32)
    _check_finite(image, tracer)
    return image


def _check_finite(image: sitk.Image, role: str) -> None:
    values = sitk.GetArrayViewFromImage(image)
    # A sum is not finite when a value is not, and needs no copy of the volume.
    if values.dtype.kind == "f" and not np.isfinite(values.sum(dtype=np.float64)):
        raise not_finite(role)


def _check_hu(ct: sitk.Image) -> None:
    _check_finite(ct, "ct")
    values = sitk.GetArrayViewFromImage(ct)
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise CaseError("constant_ct", f"The CT holds one value only ({low:g}).", "Is it the right volume?")
    if low >= 0 or high - low < 100:
        raise CaseError(
            "not_hu",
            f"The CT is not in Hounsfield units: its values run from {low:g} to {high:g}, "
            "and a CT has fat and air below 0.",
            "Give the original CT, not a windowed or rescaled copy.",
        )


def _mask_on_ct(mask: sitk.Image, ct: sitk.Image, role: str, findings: list[Finding]) -> sitk.Image:
    """uint8 on the CT's grid. A mask on another grid is resampled, and said so."""
    if Geometry.of(mask).matches(Geometry.of(ct)):
        values = sitk.GetArrayViewFromImage(mask)
        if mask.GetPixelID() == sitk.sitkUInt8 and values.max() <= 1 and Geometry.of(mask) == Geometry.of(ct):
            return mask
        # Equal to a fraction of a voxel: take the CT's own numbers, which ITK compares more strictly.
        return Geometry.of(ct).image((values != 0).view(np.uint8))
    if not _any(mask):
        return _empty(ct)
    onto_ct = sitk.Resample(mask != 0, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    before = np.count_nonzero(sitk.GetArrayViewFromImage(mask)) * Geometry.of(mask).voxel_ml
    after = np.count_nonzero(sitk.GetArrayViewFromImage(onto_ct)) * Geometry.of(ct).voxel_ml
    if after == 0:
        raise CaseError(
            f"{role}_outside_ct",
            f"The {ROLE_NAMES[role]} lies wholly outside the CT: their grids do not overlap.",
            "Check that both belong to the same scan, and that the mask's position was saved with it.",
        )
    if after < 0.95 * before:
        findings.append(
            Finding(
                "warning",
                f"{role}_partly_outside_ct",
                f"{1 - after / before:.0%} of the {ROLE_NAMES[role]} lies outside the CT and was left out.",
            )
        )
    return onto_ct


def _check_liver(liver: sitk.Image, ct: sitk.Image, findings: list[Finding]) -> None:
    mask = sitk.GetArrayViewFromImage(liver)
    box = bounding_box(mask)
    hu = sitk.GetArrayViewFromImage(ct)[box][mask[box] != 0]
    volume = hu.size * Geometry.of(ct).voxel_ml
    if volume < MIN_LIVER_ML:
        raise CaseError(
            "empty_liver",
            f"The liver mask holds only {volume:.1f} mL.",
            "Segment the whole liver, or what the CT shows of it.",
        )
    misfit = float(np.mean(hu < FAT_HU))
    if misfit > MISFIT_ERROR:
        raise CaseError(
            "liver_does_not_fit",
            f"The liver mask does not fit the CT: {misfit:.0%} of it holds fat or air (below {FAT_HU:g} HU).",
            "Was the mask drawn on this CT, and was its position saved with it?",
        )
    if misfit > MISFIT_WARNING:
        findings.append(
            Finding(
                "warning",
                "liver_may_not_fit",
                f"{misfit:.0%} of the liver mask holds fat or air: it may not fit the CT.",
            )
        )
    if not USUAL_LIVER_ML[0] <= volume <= USUAL_LIVER_ML[1]:
        findings.append(
            Finding("warning", "unusual_liver_volume", f"The liver measures {volume:.0f} mL, which is unusual.")
        )
    if any(face.any() for axis in range(3) for face in (mask.take(0, axis), mask.take(-1, axis))):
        findings.append(
            Finding("warning", "liver_cut_off", "The liver reaches the edge of the CT: part of it is not in view.")
        )


def _joined(liver: sitk.Image, tumor: sitk.Image, findings: list[Finding]) -> tuple[sitk.Image, sitk.Image]:
    """The liver with its tumour, and the tumour without components that are not in or at the liver."""
    tumor_values, liver_values = (sitk.GetArrayViewFromImage(mask) for mask in (tumor, liver))
    box = bounding_box(tumor_values)
    if box is None:
        return liver, tumor
    total = np.count_nonzero(tumor_values[box])
    outside = 1 - np.count_nonzero(tumor_values[box] & liver_values[box]) / total
    if outside == 0:
        return liver, tumor
    kept = _near_liver(tumor_values[box], box, liver)
    lost = 1 - np.count_nonzero(kept) / total
    if lost > 0.5:
        raise CaseError(
            "tumor_outside_liver",
            f"{lost:.0%} of the tumour lies more than {TUMOR_REACH_MM:g} mm from the liver.",
            "Check that liver and tumour were drawn on the same scan.",
        )
    if lost:
        findings.append(
            Finding(
                "warning",
                "tumor_far_from_liver",
                f"{lost:.0%} of the tumour lies more than {TUMOR_REACH_MM:g} mm from the liver and was left out.",
            )
        )
    # Wholly outside is the rule where one label map holds parenchyma and tumour as labels of their own.
    elif TUMOR_OUTSIDE_WARNING < outside < 1:
        findings.append(
            Finding(
                "warning",
                "tumor_partly_outside_liver",
                f"{outside:.0%} of the tumour lies outside the liver mask; it was added to the liver.",
            )
        )
    near, whole = np.zeros(tumor_values.shape, np.uint8), liver_values.copy()
    near[box] = kept
    whole[box] |= near[box]
    return Geometry.of(liver).image(whole), Geometry.of(tumor).image(near)


def _near_liver(tumor: np.ndarray, box: Box, liver: sitk.Image) -> np.ndarray:
    """Tumour components, in `box` of the liver's grid, that come within TUMOR_REACH_MM of the liver.

    The distance is taken on a coarse grid, since the reach is no finer than that.
    """
    labels, counts = components(tumor)
    geometry = Geometry.of(liver)
    both = bounding_box(sitk.GetArrayViewFromImage(liver))
    low = [min(a.start, b.start) for a, b in zip(box, both, strict=True)]
    high = [max(a.stop, b.stop) for a, b in zip(box, both, strict=True)]
    step = [max(1, int(DISTANCE_GRID_MM / s)) for s in geometry.spacing[::-1]]
    region = liver[low[2] : high[2] : step[2], low[1] : high[1] : step[1], low[0] : high[0] : step[0]]
    distance = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(region, squaredDistance=False, useImageSpacing=True))
    voxels = np.nonzero(labels)
    coarse = tuple(
        np.minimum((v + b.start - start) // n, size - 1)
        for v, b, start, n, size in zip(voxels, box, low, step, distance.shape, strict=True)
    )
    nearest = np.full(counts.size + 1, np.inf)
    np.minimum.at(nearest, labels[voxels], distance[coarse])
    return (nearest <= TUMOR_REACH_MM)[labels]


def _sample_points(mask: sitk.Image, geometry: Geometry, count: int = 5000) -> np.ndarray:
    """At most `count` voxel centres spread evenly over the mask: (n, 3) LPS mm."""
    values = sitk.GetArrayViewFromImage(mask)
    box = bounding_box(values)
    voxels = np.flatnonzero(values[box])
    voxels = voxels[:: max(1, voxels.size // count)]
    zyx = np.stack(np.unravel_index(voxels, values[box].shape), axis=-1)
    return geometry.crop(box).to_world(zyx[:, ::-1])


def _check_pet(image: sitk.Image, tracer: str, liver_points: np.ndarray, findings: list[Finding]) -> None:
    geometry = Geometry.of(image)
    index = geometry.to_index(liver_points)
    covered = float(np.mean(np.all((index >= -0.5) & (index <= np.asarray(geometry.size) - 0.5), axis=-1)))
    if covered == 0:
        raise CaseError(
            "pet_no_overlap",
            f"The {ROLE_NAMES[tracer]} does not overlap the liver: it lies elsewhere in the patient.",
            "Give the PET of the same examination, in the same frame of reference.",
        )
    if covered < PET_COVERAGE_WARNING:
        findings.append(
            Finding("warning", "pet_partial", f"The {ROLE_NAMES[tracer]} covers only {covered:.0%} of the liver.")
        )


def _any(mask: sitk.Image) -> bool:
    return bool(sitk.GetArrayViewFromImage(mask).any())


def _empty(ct: sitk.Image) -> sitk.Image:
    image = sitk.Image(ct.GetSize(), sitk.sitkUInt8)
    image.CopyInformation(ct)
    return image
