"""Where things are in a download of Imaging Data Commons: collection/PatientID/StudyUID/Modality_SeriesUID.

Only headers are read here; `REACTKDLib.imaging.dicom` reads the images.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from .errors import CohortError

TOLERANCE_MM = 0.01
CT_TAGS = ["SOPInstanceUID", "AcquisitionNumber", "ImagePositionPatient", "ImageOrientationPatient"]


@dataclass(frozen=True)
class Study:
    """date: as DICOM writes it (YYYYMMDD), to sort by. ct: SeriesInstanceUID to folder. seg: files."""

    folder: Path
    date: str
    ct: dict[str, Path]
    seg: tuple[Path, ...]


@dataclass(frozen=True)
class Phase:
    """One volume within a series. acquisition: None where the series holds nothing else.

    positions: of the slices along their normal, mm, sorted. instances: SOPInstanceUIDs.
    """

    folder: Path
    acquisition: int | None
    positions: tuple[float, ...]
    instances: frozenset[str]

    @property
    def is_ambiguous(self) -> bool:
        """Whether two slices are at the same place."""
        return bool((np.diff(self.positions) < TOLERANCE_MM).any())

    def covers(self, positions: Sequence[float]) -> bool:
        """Whether there is a slice at each of the positions, mm."""
        own = np.asarray(self.positions)
        return all(np.abs(own - position).min() < TOLERANCE_MM for position in positions)


def patient_folders(directory: Path, collection: str) -> list[Path]:
    """Of the collection's folder, or the one it lies in. Raises CohortError no_cases."""
    folder = directory / collection if (directory / collection).is_dir() else directory
    patients = sorted(path for path in folder.glob("*") if path.is_dir() and any(path.glob("*/*_*")))
    if not patients:
        raise CohortError(
            "no_cases",
            f"There is no patient of {collection} in {directory}.",
            f"Give the folder that `reactkd-train fetch` filled: {collection}/PatientID/StudyUID/Modality_SeriesUID.",
        )
    return patients


def studies(patient: Path) -> list[Study]:
    """Of a patient, oldest first."""
    found = []
    for folder in sorted(path for path in patient.iterdir() if path.is_dir()):
        ct = {path.name.removeprefix("CT_"): path for path in sorted(folder.glob("CT_*"))}
        seg = tuple(sorted(folder.glob("SEG_*/*.dcm")))
        files = (*seg, *(file for path in ct.values() for file in path.glob("*.dcm")))
        if first := next(iter(files), None):
            header = pydicom.dcmread(first, stop_before_pixels=True, specific_tags=["StudyDate"])
            found.append(Study(folder, header.get("StudyDate", ""), ct, seg))
    return sorted(found, key=lambda study: study.date)


def phases(folder: Path) -> list[Phase]:
    """The volumes of a CT series, by AcquisitionNumber where its slices lie on top of each other.

    Where they do not, the numbers mean nothing: some scanners count on within one volume.
    """
    slices = defaultdict(list)
    for file in sorted(folder.glob("*.dcm")):
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=CT_TAGS)
        row, along = np.reshape(np.asarray(header.ImageOrientationPatient, float), (2, 3))
        position = float(np.cross(row, along) @ np.asarray(header.ImagePositionPatient, float))
        number = header.get("AcquisitionNumber")
        slices[None if number is None else int(number)].append((position, str(header.SOPInstanceUID)))
    together = [item for items in slices.values() for item in items]
    whole = _phase(folder, None, together)
    if len(slices) < 2 or not whole.is_ambiguous:
        return [whole]
    return [_phase(folder, number, slices[number]) for number in sorted(slices, key=lambda n: -1 if n is None else n)]


def _phase(folder: Path, acquisition: int | None, slices: list[tuple[float, str]]) -> Phase:
    positions = tuple(sorted(position for position, _ in slices))
    return Phase(folder, acquisition, positions, frozenset(instance for _, instance in slices))
