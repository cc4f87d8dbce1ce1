"""A DICOM series from a folder.

Slices are sorted by their position in the patient, not by file name or UID: exports exist in which UIDs are empty
and names are hashes. GDCM, inside SimpleITK, decodes the pixels, compressed ones included.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .errors import CaseError
from .roles import ROLE_NAMES

POSITION_TOLERANCE_MM = 0.01
DRIFT_TOLERANCE_MM = 1.0
"""How far the last slice may lie beside the first, across the slice normal."""
GAP_TOLERANCE = 0.1
"""Largest deviation of one slice distance from the median, as a fraction: more means a missing slice."""


@dataclass(frozen=True)
class _Slice:
    file: str
    series: str
    acquisition: str
    position: tuple[float, ...]
    orientation: tuple[float, ...]

    @property
    def height(self) -> float:
        """Along the slice normal, mm."""
        row, column = np.reshape(self.orientation, (2, 3))
        return float(np.cross(row, column) @ np.asarray(self.position))


def read_dicom_folder(folder: Path, role: str, acquisition: int | None = None) -> sitk.Image:
    """The one series in the folder, as a volume.

    role: a key of ROLE_NAMES, for messages. acquisition: AcquisitionNumber to take where a series holds several phases.
    Raises CaseError: no_dicom, several_series, mixed_phases, tilted_gantry, missing_slices, unreadable.
    """
    name = ROLE_NAMES[role]
    slices = [s for s in (_header(file) for file in sorted(folder.iterdir()) if file.is_file()) if s]
    if acquisition is not None:
        slices = [s for s in slices if s.acquisition == str(acquisition)]
    if len(slices) < 2:
        which = "" if acquisition is None else f" with AcquisitionNumber {acquisition}"
        raise CaseError(
            "no_dicom",
            f"The {name} folder {folder.name} holds {len(slices)} DICOM slices{which}.",
            "Give the folder that holds the slices of the series themselves.",
            role,
        )
    series = {(s.series, tuple(np.round(s.orientation, 3))) for s in slices}
    if len(series) > 1:
        raise CaseError(
            "several_series",
            f"The {name} folder {folder.name} holds {len(series)} series (or slices of different orientation).",
            "Put the one series to use into a folder of its own.",
            role,
        )
    slices.sort(key=lambda s: s.height)
    _check_spacing(slices, folder, role)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([s.file for s in slices])
    # Slopes differ from slice to slice in PET: an integer type taken from the first slice would round the rest.
    reader.SetOutputPixelType(sitk.sitkFloat32)
    try:
        return reader.Execute()
    except RuntimeError as error:
        raise CaseError(
            "unreadable",
            f"The slices of the {name} folder {folder.name} cannot be decoded.",
            "Export the series again.",
            role,
        ) from error


def _header(file: Path) -> _Slice | None:
    """None for whatever is not a DICOM image with a position."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
        tag = {key: reader.GetMetaData(key).strip("\x00 ") for key in reader.GetMetaDataKeys()}
        position = tuple(float(v) for v in tag["0020|0032"].split("\\"))
        orientation = tuple(float(v) for v in tag["0020|0037"].split("\\"))
    except (RuntimeError, KeyError, ValueError):
        return None
    return _Slice(str(file), tag.get("0020|000e", ""), tag.get("0020|0012", ""), position, orientation)


def _drift(slices: list[_Slice]) -> float:
    """How far the last slice lies beside the first, across the slice normal, mm."""
    row, column = np.reshape(slices[0].orientation, (2, 3))
    way = np.subtract(slices[-1].position, slices[0].position)
    return float(np.hypot(way @ row, way @ column))


def _check_spacing(slices: list[_Slice], folder: Path, role: str) -> None:
    name = ROLE_NAMES[role]
    gaps = np.diff([s.height for s in slices])
    if (gaps < POSITION_TOLERANCE_MM).any():
        numbers = sorted({s.acquisition for s in slices if s.acquisition})
        raise CaseError(
            "mixed_phases",
            f"The {name} folder {folder.name} holds several images at the same position: "
            f"two phases in one series? AcquisitionNumbers: {', '.join(numbers) or 'none given'}.",
            "Choose one phase with the acquisition number (--acquisition), or put it into a folder of its own.",
            role,
        )
    if (drift := _drift(slices)) > DRIFT_TOLERANCE_MM:
        raise CaseError(
            "tilted_gantry",
            f"The slices of the {name} folder {folder.name} are sheared by {drift:.1f} mm: the gantry was tilted.",
            "Straighten the volume first, for example by importing it into 3D Slicer and saving it.",
            role,
        )
    deviation = np.abs(gaps / np.median(gaps) - 1)
    if deviation.max() > GAP_TOLERANCE:
        worst = int(deviation.argmax())
        raise CaseError(
            "missing_slices",
            f"The {name} folder {folder.name} has a gap of {gaps[worst]:.2f} mm after slice {worst + 1} of "
            f"{len(slices)}; the other slices are {np.median(gaps):.2f} mm apart.",
            "Import the series again: a slice is missing.",
            role,
        )
