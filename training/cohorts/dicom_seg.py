"""Liver and tumour from a DICOM SEG, as a segmentation that both Slicer and `Case` read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.segment_names import liver_of, tumor_of
from REACTKDLib.imaging.writing import write_image

from .errors import CohortError

LIVER, TUMOR, VESSELS = 1, 2, 3
NAMES = {LIVER: "Liver", TUMOR: "Mass", VESSELS: "Vessels"}
PRIORITY = (LIVER, VESSELS, TUMOR)
"""What lies on top of what, lowest first: the mass over the vessels over the liver."""
VESSEL_WORDS = ("vein", "aorta", "artery", "vessel")
POSITION_TOLERANCE_MM = 0.01


@dataclass(frozen=True)
class SegmentLabel:
    """number: of the segment in the file. name: its label."""

    number: int
    name: str


@dataclass(frozen=True)
class Seg:
    """A DICOM SEG without its voxels.

    description: SeriesDescription. series: UIDs of the series it was drawn on. instances: SOPInstanceUIDs of
    their slices. positions: of its frames along their normal, mm, sorted and distinct.
    """

    path: Path
    description: str
    series: tuple[str, ...]
    instances: frozenset[str]
    segments: tuple[SegmentLabel, ...]
    positions: tuple[float, ...]

    @classmethod
    def read(cls, path: Path | str) -> "Seg":
        """Raises CohortError bad_seg."""
        dataset = _open(Path(path), stop_before_pixels=True)
        heights, _, _ = _frames(dataset)
        instances = frozenset(
            str(source.ReferencedSOPInstanceUID)
            for frame in dataset.PerFrameFunctionalGroupsSequence
            for derivation in frame.get("DerivationImageSequence", ())
            for source in derivation.get("SourceImageSequence", ())
        )
        series = tuple(str(item.SeriesInstanceUID) for item in dataset.get("ReferencedSeriesSequence", ()))
        positions = tuple(_distinct(heights).tolist())
        return cls(
            Path(path), str(dataset.get("SeriesDescription", "")), series, instances, _segments(dataset), positions
        )


def read_seg(path: Path | str) -> sitk.Image:
    """Label map, uint8: LIVER, TUMOR, VESSELS by PRIORITY; on the grid of the frames, slices by rising position.

    Where several frames show one segment at one place (a file drawn on two phases), a voxel of any of them counts.
    Raises CohortError: bad_seg, no_liver_segment.
    """
    path = Path(path)
    dataset = _open(path)
    segments = _segments(dataset)
    label_of = {segment.number: label for segment in segments if (label := _label(segment, segments))}
    if LIVER not in label_of.values():
        names = ", ".join(f"'{segment.name}'" for segment in segments)
        raise CohortError(
            "no_liver_segment",
            f"The DICOM SEG {path.name} has no segment Liver; it has {names}.",
            "Is it the right one?",
        )
    heights, numbers, corners = _frames(dataset)
    levels = _distinct(heights)
    geometry, index = _grid(dataset, levels, heights, corners, path)
    try:
        frames = dataset.pixel_array.reshape(-1, *geometry.shape[1:])
    except (AttributeError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _bad_seg(path, f"its voxels cannot be decoded ({error})") from error
    # BINARY holds 0 and 1; FRACTIONAL counts from one half of its maximum.
    threshold = int(dataset.get("MaximumFractionalValue", 1)) / 2
    volume = np.zeros(geometry.shape, np.uint8)
    for label in PRIORITY:
        for frame in np.flatnonzero([label_of.get(number) == label for number in numbers]):
            volume[index[frame]][frames[frame] > threshold] = label
    return geometry.image(volume)


def write_seg(image: sitk.Image, path: Path | str) -> None:
    """The label map as `.seg.nrrd`, its labels named as segments. Raises OSError."""
    image = sitk.Image(image)
    extent = " ".join(f"0 {size - 1}" for size in image.GetSize())
    image.SetMetaData("Segmentation_ContainedRepresentationNames", "Binary labelmap|")
    image.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    for index, (label, name) in enumerate(NAMES.items()):
        values = {"ID": name, "Name": name, "Layer": "0", "LabelValue": str(label), "Extent": extent}
        for key, value in values.items():
            image.SetMetaData(f"Segment{index}_{key}", value)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_image(image, path)


def _open(path: Path, stop_before_pixels: bool = False) -> pydicom.Dataset:
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
    except (OSError, pydicom.errors.InvalidDicomError) as error:
        raise _bad_seg(path, "it is not DICOM, or cut short") from error
    if dataset.get("Modality") != "SEG" or "PerFrameFunctionalGroupsSequence" not in dataset:
        raise _bad_seg(path, "it is not a segmentation")
    return dataset


def _segments(dataset: pydicom.Dataset) -> tuple[SegmentLabel, ...]:
    return tuple(SegmentLabel(int(s.SegmentNumber), str(s.SegmentLabel)) for s in dataset.SegmentSequence)


def _label(segment: SegmentLabel, segments: tuple[SegmentLabel, ...]) -> int | None:
    if segment in tumor_of(segments):
        return TUMOR
    if any(word in segment.name.lower() for word in VESSEL_WORDS):
        return VESSELS
    return LIVER if segment in liver_of(segments) else None


def _frames(dataset: pydicom.Dataset) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Of each frame: position along the normal (F,), segment number, first voxel's centre (F, 3) LPS mm."""
    frames = dataset.PerFrameFunctionalGroupsSequence
    positions = [_group(dataset, frame, "PlanePositionSequence").ImagePositionPatient for frame in frames]
    segments = [_group(dataset, frame, "SegmentIdentificationSequence") for frame in frames]
    numbers = [int(segment.ReferencedSegmentNumber) for segment in segments]
    corners = np.array(positions, float)
    row, column = _orientation(dataset)
    return corners @ np.cross(row, column), numbers, corners


def _orientation(dataset: pydicom.Dataset) -> np.ndarray:
    """Cosines along a row and along a column: (2, 3). One for all frames, which a grid requires."""
    first = dataset.PerFrameFunctionalGroupsSequence[0]
    plane = _group(dataset, first, "PlaneOrientationSequence")
    return np.reshape(np.array(plane.ImageOrientationPatient, float), (2, 3))


def _group(dataset: pydicom.Dataset, frame: pydicom.Dataset, sequence: str) -> pydicom.Dataset:
    """A functional group of a frame: its own, or the one that all frames share. Raises CohortError bad_seg."""
    for groups in (frame, *dataset.get("SharedFunctionalGroupsSequence", ())):
        if sequence in groups:
            return groups[sequence][0]
    raise CohortError("bad_seg", f"A DICOM SEG has no {sequence}.", "Fetch it again.")


def _distinct(heights: np.ndarray) -> np.ndarray:
    ordered = np.sort(heights)
    return ordered[np.diff(ordered, prepend=-np.inf) > POSITION_TOLERANCE_MM]


def _grid(
    dataset: pydicom.Dataset, levels: np.ndarray, heights: np.ndarray, corners: np.ndarray, path: Path
) -> tuple[Geometry, np.ndarray]:
    """The grid, and which of its slices each frame is. Slices without a frame are empty."""
    measures = _group(dataset, dataset.PerFrameFunctionalGroupsSequence[0], "PixelMeasuresSequence")
    row, column = _orientation(dataset)
    gaps = np.diff(levels)
    step = float(gaps.min()) if gaps.size else float(measures.get("SpacingBetweenSlices", measures.SliceThickness))
    steps = (heights - levels[0]) / step
    if np.abs(steps - np.rint(steps)).max() > 0.1:
        raise _bad_seg(path, "its slices are not evenly spaced")
    index = np.rint(steps).astype(int)
    down, across = map(float, measures.PixelSpacing)
    size = (int(dataset.Columns), int(dataset.Rows), int(index.max()) + 1)
    direction = np.stack([row, column, np.cross(row, column)], axis=1)
    origin = tuple(corners[heights.argmin()].tolist())
    return Geometry(size, (across, down, step), origin, tuple(direction.ravel().tolist())), index


def _bad_seg(path: Path, problem: str) -> CohortError:
    return CohortError("bad_seg", f"The DICOM SEG {path.name} cannot be used: {problem}.", "Fetch it again.")
