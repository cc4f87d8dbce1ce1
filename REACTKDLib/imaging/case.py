"""A case: CT, PET where there is one, liver and tumour. Its images are checked once, here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .checks import check_ct, check_liver, check_pet, check_side
from .errors import CaseError, Finding
from .geometry import Geometry
from .masks import Box, bounding_box, components
from .reading import Source, checksum, compact, read_volume
from .roles import ROLE_NAMES
from .segments import read_masks
from .spec import TRACERS

OUTSIDE_CT_WARNING = 0.05
TUMOR_OUTSIDE_WARNING = 0.05
DISTANCE_GRID_MM = 3.0
BESIDE_LIVER, AROUND_LIVER, SURROUNDED = 5.0, 1.2, 0.95
"""Tumour to liver, from which the two are exchanged: anywhere, or where it holds this fraction of the liver's mask."""
LABELS = "In a label map without names 1 is the liver and 2 the tumour."
TUMOR_REACH_MM = 10.0
"""A tumour component farther than this from the liver is not one of its lesions."""


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
        findings: list[Finding] = []
        ct_image = read_volume(ct, "ct", acquisition)
        pet = {tracer: read_volume(files[tracer], tracer) for tracer in TRACERS if tracer in files}
        liver_mask, tumor_mask = read_masks(
            segmentation=segmentation,
            liver=liver,
            tumor=tumor,
            liver_segment=liver_segment,
            tumor_segment=tumor_segment,
            findings=findings,
        )
        images = {"ct": ct_image, "segmentation": liver_mask, "liver": liver_mask, "tumor": tumor_mask, **pet}
        sources = {
            role: Source(checksum(path), Geometry.of(ct_image if images[role] is None else images[role]))
            for role, path in files.items()
        }
        case = cls.from_images(ct_image, liver_mask, tumor_mask, pet, name=name, sources=sources)
        selection = {"liver_segment": liver_segment, "tumor_segment": tumor_segment, "acquisition": acquisition}
        return replace(case, selection=selection, findings=(*findings, *case.findings))

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

        Raises CaseError: not_finite, not_hu, constant_ct, empty_liver, liver_outside_ct, tumor_outside_ct, liver_lost,
        tumor_lost, masks_exchanged, liver_does_not_fit, tumor_outside_liver, not_pet, pet_no_overlap.
        """
        findings: list[Finding] = []
        ct = compact(ct)
        check_ct(ct)
        liver = _mask_on_ct(liver, ct, "liver", findings)
        tumor = _mask_on_ct(tumor, ct, "tumor", findings) if tumor is not None else _empty(ct)
        if not _any(liver):
            raise CaseError("empty_liver", "The liver mask is empty.", "Segment the liver first.", "liver")
        liver, tumor = _joined(liver, tumor, findings)
        check_liver(liver, tumor, ct, findings)
        points = _sample_points(liver)
        check_side(points, ct, findings)
        pet = {tracer: sitk.Cast(image, sitk.sitkFloat32) for tracer, image in (pet or {}).items()}
        for tracer, image in pet.items():
            _check_pet(image, tracer, points)
        return cls(name, ct, liver, tumor, pet, tuple(findings), dict(sources or {}))

    @property
    def geometry(self) -> Geometry:
        """Of the CT, to which everything else is brought."""
        return Geometry.of(self.ct)


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
    name = ROLE_NAMES[role]
    outside = 1 - float(np.mean(Geometry.of(ct).contains(_sample_points(mask))))
    if outside == 1:
        raise CaseError(
            f"{role}_outside_ct",
            f"The {name} lies wholly outside the CT: their grids do not overlap.",
            "Check that both belong to the same scan, and that the mask's position was saved with it.",
            role,
        )
    onto_ct = sitk.Resample(mask != 0, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    if not _any(onto_ct):
        raise CaseError(
            f"{role}_lost",
            f"Nothing of the {name} is left on the CT's grid: what was drawn falls between the voxels of the CT.",
            "Draw it on the CT itself, or leave a tumour out that is smaller than a voxel.",
            role,
        )
    if outside > OUTSIDE_CT_WARNING:
        findings.append(
            Finding(
                "warning",
                f"{role}_partly_outside_ct",
                f"{outside:.0%} of the {name} lies outside the CT and was left out.",
            )
        )
    return onto_ct


def _joined(liver: sitk.Image, tumor: sitk.Image, findings: list[Finding]) -> tuple[sitk.Image, sitk.Image]:
    """The liver with its tumour, and the tumour without components that are not in or at the liver."""
    tumor_values, liver_values = (sitk.GetArrayViewFromImage(mask) for mask in (tumor, liver))
    box = bounding_box(tumor_values)
    if box is None:
        return liver, tumor
    total = np.count_nonzero(tumor_values[box])
    _check_not_exchanged(liver_values, tumor_values, box, Geometry.of(liver).voxel_ml, findings)
    if not (tumor_values[box] > liver_values[box]).any():
        return liver, tumor
    kept = _near_liver(tumor_values[box], box, liver)
    lost = 1 - np.count_nonzero(kept) / total
    if lost > 0.5:
        raise CaseError(
            "tumor_outside_liver",
            f"{lost:.0%} of the tumour lies more than {TUMOR_REACH_MM:g} mm from the liver.",
            "Check that liver and tumour were drawn on the same scan.",
            "tumor",
        )
    if lost:
        findings.append(
            Finding(
                "warning",
                "tumor_far_from_liver",
                f"{lost:.0%} of the tumour lies more than {TUMOR_REACH_MM:g} mm from the liver and was left out.",
            )
        )
    near, whole = np.zeros(tumor_values.shape, np.uint8), liver_values.copy()
    near[box] = kept
    if (outside := _outside(near, liver_values)) > TUMOR_OUTSIDE_WARNING:
        findings.append(
            Finding(
                "warning",
                "tumor_partly_outside_liver",
                f"{outside:.0%} of the tumour lies outside the liver mask; it was added to the liver.",
            )
        )
    whole[box] |= near[box]
    return Geometry.of(liver).image(whole), Geometry.of(tumor).image(near)


def _check_not_exchanged(
    liver: np.ndarray, tumor: np.ndarray, box: Box, voxel_ml: float, findings: list[Finding]
) -> None:
    """box: of the tumour, which can be most of the liver, and lie in the liver's mask or beside it."""
    of_liver, of_tumor = np.count_nonzero(liver), np.count_nonzero(tumor[box])
    of_both = np.count_nonzero(liver[box] & tumor[box])
    ratio = of_tumor / max(of_liver, 1)
    surrounded = of_both > SURROUNDED * of_liver
    if ratio > BESIDE_LIVER or (ratio > AROUND_LIVER and surrounded):
        raise CaseError(
            "masks_exchanged",
            f"The tumour ({of_tumor * voxel_ml:.0f} mL) is larger than the liver ({of_liver * voxel_ml:.0f} mL).",
            f"Are the two masks exchanged? {LABELS}",
        )
    if of_tumor > of_liver - of_both:
        rest = (of_liver - of_both) * voxel_ml
        findings.append(
            Finding(
                "warning",
                "tumor_larger_than_rest",
                f"The tumour ({of_tumor * voxel_ml:.0f} mL) is larger than the rest of the liver ({rest:.0f} mL). Are "
                f"the two exchanged? {LABELS}",
            )
        )


def _outside(tumor: np.ndarray, liver: np.ndarray) -> float:
    """Fraction of the tumour outside the liver, both (D, H, W).

    Wholly outside is the rule where one label map holds parenchyma and tumour as labels of their own. A lesion touches
    the liver then, and what does not is outside.
    """
    box = bounding_box(tumor, margin=1)
    tumor, liver = tumor[box] != 0, liver[box] != 0
    outside = tumor & ~liver
    if np.array_equal(outside, tumor):
        joined, _ = components(tumor | liver)
        outside = tumor & ~np.isin(joined, joined[liver])
    return float(np.count_nonzero(outside) / np.count_nonzero(tumor))


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


def _sample_points(mask: sitk.Image, count: int = 5000) -> np.ndarray:
    """At most `count` voxel centres, or twice as many, spread evenly over the mask: (n, 3) LPS mm."""
    values = sitk.GetArrayViewFromImage(mask)
    box = bounding_box(values)
    voxels = np.flatnonzero(values[box])
    voxels = voxels[:: max(1, voxels.size // count)]
    zyx = np.stack(np.unravel_index(voxels, values[box].shape), axis=-1)
    return Geometry.of(mask).crop(box).to_world(zyx[:, ::-1])


def _check_pet(image: sitk.Image, tracer: str, liver_points: np.ndarray) -> None:
    check_pet(image, tracer)
    if not Geometry.of(image).contains(liver_points).any():
        raise CaseError(
            "pet_no_overlap",
            f"The {ROLE_NAMES[tracer]} does not overlap the liver: it lies elsewhere in the patient.",
            "Give the PET of the same examination, in the same frame of reference.",
            tracer,
        )


def _any(mask: sitk.Image) -> bool:
    return bool(sitk.GetArrayViewFromImage(mask).any())


def _empty(ct: sitk.Image) -> sitk.Image:
    image = sitk.Image(ct.GetSize(), sitk.sitkUInt8)
    image.CopyInformation(ct)
    return image
