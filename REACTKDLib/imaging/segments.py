"""Liver and tumour masks from a mask file, a label map or a Slicer segmentation (`.seg.nrrd`)."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .errors import CaseError, Finding
from .geometry import Geometry
from .masks import Box, bounding_box
from .reading import as_volume, existing, read_any
from .roles import ROLE_NAMES
from .segment_names import is_vessel, liver_of, tumor_of
from .shear import straight

LITS_NAMES = {1: "liver", 2: "tumour"}
"""Of a label map that holds nothing else; in others a 1 can be anything (the spleen, in TotalSegmentator's)."""


@dataclass(frozen=True)
class Segment:
    """One named region of a segmentation file: the voxels of `layer` that have the value `label`."""

    name: str
    layer: int
    label: int


@dataclass(frozen=True)
class Segmentation:
    """A file with one or more segments. Layers may overlap each other; segments of one layer cannot."""

    path: Path
    role: str
    image: sitk.Image
    segments: tuple[Segment, ...]

    @classmethod
    def read(cls, path: Path | str, role: str) -> "Segmentation":
        """Raises CaseError: missing_file, not_3d, not_scalar, not_labels, unreadable, and those of `read_any`."""
        path = existing(path, role)
        image = as_volume(read_any(path, role), path, role)
        try:
            segments = _named_segments(image)
        except ValueError as error:
            raise CaseError(
                "unreadable",
                f"The {ROLE_NAMES[role]} {path.name} describes its segments wrongly ({error}).",
                "Save it again from Slicer.",
                role,
            ) from error
        if not segments:
            if image.GetNumberOfComponentsPerPixel() != 1:
                raise CaseError(
                    "not_scalar",
                    f"The {ROLE_NAMES[role]} {path.name} has several values per voxel and names no segments.",
                    "Give a mask, a label map or a .seg.nrrd.",
                    role,
                )
            segments = _label_values(image, path, role)
        return cls(path, role, image, segments)

    def liver(self, wanted: str | None) -> tuple[Segment, ...]:
        """The segment called `wanted`; without it, as `liver_of`.

        Raises CaseError unknown_segment.
        """
        return liver_of(self.segments) if wanted is None else self._called(wanted)

    def tumor(self, wanted: str | None) -> tuple[Segment, ...]:
        """The segment called `wanted`; without it, as `tumor_of`.

        Raises CaseError unknown_segment.
        """
        return tumor_of(self.segments) if wanted is None else self._called(wanted)

    def _called(self, wanted: str) -> tuple[Segment, ...]:
        """By name, else by label value where that means one segment only."""
        found = tuple(s for s in self.segments if s.name.strip().lower() == wanted.strip().lower())
        if not found:
            found = tuple(s for s in self.segments if str(s.label) == wanted.strip())
        if not found or len({s.layer for s in found}) > 1:
            raise CaseError(
                "unknown_segment",
                f"The {ROLE_NAMES[self.role]} {self.path.name} has no one segment '{wanted}'; it has {self.names()}.",
                "Name one of these.",
                self.role,
            )
        return found

    def mask(self, segments: tuple[Segment, ...]) -> sitk.Image:
        """Union of the segments: uint8, 0 or 1, on the file's own grid, straightened where that is sheared."""
        if self._is_binary and segments == self.segments:
            return straight(self.image, is_mask=True)
        return straight(Geometry.of(self.image).image(self.voxels(segments).view(np.uint8)), is_mask=True)

    def voxels(self, segments: tuple[Segment, ...]) -> np.ndarray:
        """Union of the segments: (D, H, W), bool."""
        array = np.zeros(self.image.GetSize()[::-1], bool)
        for segment in segments:
            layer = self._layer(segment.layer)  # held by name: a view does not keep its image alive
            array |= sitk.GetArrayViewFromImage(layer) == segment.label
        return array

    @property
    def _is_binary(self) -> bool:
        """Whether the file is its one segment already, as mask files mostly are: then nothing needs a copy."""
        single = len(self.segments) == 1 and self.segments[0].label == 1
        return single and self.image.GetPixelID() == sitk.sitkUInt8 and not self.image.HasMetaDataKey("Segment0_ID")

    def names(self) -> str:
        return ", ".join(f"'{s.name}'" for s in self.segments) or "none"

    def _layer(self, layer: int) -> sitk.Image:
        if self.image.GetNumberOfComponentsPerPixel() == 1:
            return self.image
        return sitk.VectorIndexSelectionCast(self.image, layer)


def read_masks(
    *,
    segmentation: Path | str | None = None,
    liver: Path | str | None = None,
    tumor: Path | str | None = None,
    liver_segment: str | None = None,
    tumor_segment: str | None = None,
    findings: list[Finding] | None = None,
) -> tuple[sitk.Image, sitk.Image | None]:
    """Liver and tumour, each uint8 on its file's own grid; the tumour is None where there is none.

    Either one `segmentation` holds both, or `liver` and `tumor` are files of their own, which go before it. Segments
    are found by name (`liver_of`, `tumor_of`) or by `liver_segment` and `tumor_segment`, a name or a label value.
    In a label map without names 1 is the liver and 2 the tumour, as in LiTS. A grid that is not at right angles is
    straightened. findings: segments_not_used is added to them, where what may be a tumour was not found by its name.
    Raises CaseError: no_liver_mask, no_liver_segment, unknown_segment, unknown_labels, and those of reading.
    """
    if segmentation is None and liver is None:
        raise CaseError("no_liver_mask", "No liver mask was given.", "Give a segmentation, or a liver mask file.")
    both = None if segmentation is None else Segmentation.read(segmentation, "segmentation")
    liver_file = both if liver is None else Segmentation.read(liver, "liver")
    liver_segments = _liver(liver_file, liver_segment)
    liver_mask = liver_file.mask(liver_segments)
    if tumor is not None:
        return liver_mask, _tumor_file(Segmentation.read(tumor, "tumor"), tumor_segment)
    if both and (tumor_segments := both.tumor(tumor_segment)):
        return liver_mask, both.mask(tumor_segments)
    if findings is not None:
        findings += _not_used(both or liver_file, liver_segments, liver_mask)
    return liver_mask, None


def _liver(file: Segmentation, wanted: str | None) -> tuple[Segment, ...]:
    if not file.segments:
        raise CaseError(
            "empty_liver",
            f"The {ROLE_NAMES[file.role]} {file.path.name} is empty.",
            "Segment the liver first.",
            file.role,
        )
    found = file.liver(wanted)
    if not found and file.role == "liver" and len(file.segments) == 1:
        found = file.segments
    if not found:
        raise CaseError(
            "unknown_labels" if all(s.name == str(s.label) for s in file.segments) else "no_liver_segment",
            f"The {ROLE_NAMES[file.role]} {file.path.name} has no segment that is called liver; it has {file.names()}.",
            "Say which one is the liver (--liver-segment NAME or label value).",
            file.role,
        )
    return found


def _tumor_file(file: Segmentation, wanted: str | None) -> sitk.Image | None:
    if not file.segments:
        return None
    found = file.tumor(wanted) or (file.segments if len(file.segments) == 1 else ())
    if not found:
        raise CaseError(
            "unknown_labels",
            f"The tumour mask {file.path.name} has several segments and none is called tumour: {file.names()}.",
            "Say which one is the tumour (--tumor-segment NAME or label value).",
            file.role,
        )
    return file.mask(found)


def _not_used(file: Segmentation, liver: tuple[Segment, ...], liver_mask: sitk.Image) -> list[Finding]:
    """Where no tumour was found: the segments in the liver, of which one may be a tumour under another name."""
    others = [s for s in file.segments if s not in (*liver, *liver_of(file.segments)) and not is_vessel(s)]
    if not others:
        return []
    on_file = sitk.Resample(liver_mask, file.image, sitk.Transform(), sitk.sitkNearestNeighbor)
    liver_voxels = sitk.GetArrayViewFromImage(on_file) != 0
    around = bounding_box(liver_voxels, margin=1)
    if around is None:
        return []
    inside = ", ".join(f"'{s.name}'" for s in others if _is_amid(file.voxels((s,)), liver_voxels, around))
    message = (
        f"No tumour was found by name, but these segments lie in the liver and were not used: {inside}. "
        "If one is a tumour, give the file as --segmentation and name it with --tumor-segment."
    )
    return [Finding("warning", "segments_not_used", message)] if inside else []


def _is_amid(segment: np.ndarray, liver: np.ndarray, around: Box) -> bool:
    """Whether the liver is most of what borders on it: so a lesion is found, be it a hole in the liver or part of it.

    segment, liver: (D, H, W), bool. around: the liver's box, in which most of the segment must lie.
    """
    if 2 * np.count_nonzero(segment[around]) <= np.count_nonzero(segment):
        return False
    box = bounding_box(segment, margin=1)
    grown = sitk.BinaryDilate(sitk.GetImageFromArray(segment[box].view(np.uint8)), (1, 1, 1), sitk.sitkCross)
    border = (sitk.GetArrayViewFromImage(grown) != 0) & ~segment[box]
    return 2 * np.count_nonzero(liver[box] & border) > np.count_nonzero(border)


def _named_segments(image: sitk.Image) -> tuple[Segment, ...]:
    keys = set(image.GetMetaDataKeys())
    indices = sorted(int(m[1]) for key in keys if (m := re.fullmatch(r"Segment(\d+)_ID", key)))

    def entry(index: int, field: str, default: str) -> str:
        key = f"Segment{index}_{field}"
        return image.GetMetaData(key).strip() if key in keys else default

    # Files of Slicer before 4.11 name neither layer nor label: every segment is a layer of its own.
    segments = tuple(
        Segment(entry(i, "Name", f"Segment {i}"), int(entry(i, "Layer", str(i))), int(entry(i, "LabelValue", "1")))
        for i in indices
    )
    layers = image.GetNumberOfComponentsPerPixel()
    if missing := [s.name for s in segments if not 0 <= s.layer < layers]:
        raise ValueError(f"no layer for {', '.join(missing)}")
    return segments


def _label_values(image: sitk.Image, path: Path, role: str) -> tuple[Segment, ...]:
    values = _distinct(sitk.GetArrayViewFromImage(image))
    if not np.array_equal(values, np.rint(values)) or len(values) > 256 or values.min() < 0:
        raise CaseError(
            "not_labels",
            f"The {ROLE_NAMES[role]} {path.name} does not hold labels: {len(values)} distinct values "
            f"from {values.min():g} to {values.max():g}.",
            "Give a mask or a label map, not an image.",
            role,
        )
    labels = [int(v) for v in values if v]
    names = LITS_NAMES if role == "segmentation" and set(labels) <= set(LITS_NAMES) else {}
    return tuple(Segment(names.get(label, str(label)), 0, label) for label in labels)


def _distinct(voxels: np.ndarray) -> np.ndarray:
    """Sorted distinct values. Plane by plane, since sorting a whole volume takes a second and a copy of it."""
    if voxels.dtype.kind in "ui" and voxels.min() == 0 and voxels.max() <= 1:
        return np.arange(voxels.max() + 1)
    return np.unique(np.concatenate([np.unique(plane) for plane in voxels]))
