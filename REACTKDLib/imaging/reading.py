"""Images from files: NIfTI, NRRD, MHA, or a folder of DICOM slices."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .dicom import read_dicom_folder
from .errors import CaseError
from .geometry import Geometry
from .image_files import ImageFiles
from .integrity import is_finite, is_whole, position_conflict
from .roles import ROLE_NAMES
from .shear import straight

SHEARED_NIFTI = "orthonormal direction cosines"
"""In what ITK says of it: of all formats, it reads no sheared NIfTI."""
DICOM_TAGS = ("0008|0060", "0028|0008")
"""Modality and NumberOfFrames."""


@dataclass(frozen=True)
class Source:
    """Where an image came from, without its path: paths can hold a patient's name."""

    sha256: str
    geometry: Geometry

    def to_dict(self) -> dict:
        return {"sha256": self.sha256, **self.geometry.to_dict()}


def read_volume(path: Path | str, role: str, acquisition: int | None = None) -> sitk.Image:
    """One scalar 3D image from a file or a DICOM folder, in the pixel type of the file.

    A grid that is not at right angles (a tilted gantry's) is straightened, as the panel does it.
    role: a key of ROLE_NAMES, for messages. acquisition: DICOM AcquisitionNumber, where a folder holds several.
    Raises CaseError: missing_file, no_series, not_3d, not_scalar, and those of `read_any` and `read_dicom_folder`.
    """
    path = existing(path, role)
    name = ROLE_NAMES[role]
    if acquisition is not None and not path.is_dir():
        raise CaseError(
            "no_series",
            f"The {name} {path.name} is one file: an acquisition number chooses among the slices of a DICOM folder.",
            "Leave the acquisition number out (--acquisition), or give the folder of the series.",
            role,
        )
    image = read_dicom_folder(path, role, acquisition) if path.is_dir() else read_any(path, role)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise CaseError(
            "not_scalar",
            f"The {name} {path.name} has {image.GetNumberOfComponentsPerPixel()} values per voxel (colour?).",
            "Give a grey-value volume.",
            role,
        )
    return straight(as_volume(image, path, role))


def read_any(path: Path, role: str) -> sitk.Image:
    """Whatever image the file holds.

    Raises CaseError: unreadable, not_finite, tilted_gantry, two_positions, dicom_seg, multi_frame.
    """
    name = f"{ROLE_NAMES[role]} {path.name}"
    if path.is_dir():
        raise CaseError("unreadable", f"The {name} is a folder.", "Give one file: NIfTI, NRRD, MHA or DICOM SEG.", role)
    try:
        if not is_whole(path):
            raise RuntimeError("truncated")
        image = sitk.ReadImage(str(path))
        conflict = position_conflict(path)
    except (RuntimeError, OSError, ValueError, KeyError, OverflowError) as error:
        if SHEARED_NIFTI in str(error):
            raise CaseError(
                "tilted_gantry",
                f"The axes of the {name} are not at right angles: the gantry was tilted, or a registration sheared it.",
                "Straighten it first, for example by importing the DICOM series into 3D Slicer and grading it there.",
                role,
            ) from error
        raise CaseError(
            "unreadable",
            f"The {name} cannot be read as an image.",
            "Is it complete, and one of NIfTI, NRRD, MHA or a folder of DICOM slices?",
            role,
        ) from error
    _check_frames(image, name, role)
    if conflict:
        raise CaseError(
            "two_positions",
            f"The {name} says twice where it lies, {conflict:.0f} mm apart: its sform and qform differ.",
            "Keep the one that is right (fslorient -copysform2qform or -copyqform2sform), and check it in 3D Slicer.",
            role,
        )
    if not is_finite(path):
        raise not_finite(role)
    return image


def _check_frames(image: sitk.Image, name: str, role: str) -> None:
    """ITK stacks the frames of one DICOM file as they come, wherever they lie and whatever segment they are of."""
    modality, frames = (image.GetMetaData(key).strip() if image.HasMetaDataKey(key) else "" for key in DICOM_TAGS)
    if modality == "SEG":
        raise CaseError(
            "dicom_seg",
            f"The {name} is a DICOM SEG, which cannot be read here.",
            "Load it in 3D Slicer and save it as .seg.nrrd; reactkd-train manifest does so for the public collections.",
            role,
        )
    if frames not in ("", "1"):
        raise CaseError(
            "multi_frame",
            f"The {name} is one DICOM file with {frames} frames, which cannot be read here.",
            "Load it in 3D Slicer and save it as .nrrd.",
            role,
        )


def not_finite(role: str) -> CaseError:
    return CaseError(
        "not_finite",
        f"The {ROLE_NAMES[role]} holds values that are not numbers (NaN or infinite).",
        "Export it again, or replace them (air is -1000 HU).",
        role,
    )


def as_volume(image: sitk.Image, path: Path, role: str) -> sitk.Image:
    """The image if it is 3D; a 4D one with a single frame loses its fourth axis. Raises CaseError not_3d."""
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3 or min(image.GetSize()) < 2:
        size = "x".join(map(str, image.GetSize()))
        raise CaseError(
            "not_3d",
            f"The {ROLE_NAMES[role]} {path.name} is not a volume: its size is {size}.",
            "Give one 3D image: a single phase, and for DICOM the folder of the whole series.",
            role,
        )
    return image


def existing(path: Path | str, role: str) -> Path:
    """The path, which must exist. Raises CaseError missing_file."""
    path = Path(path)
    if not path.exists():
        raise CaseError("missing_file", f"The {ROLE_NAMES[role]} {path} does not exist.", "Check the path.", role)
    return path


def checksum(path: Path | str) -> str:
    """SHA-256 of a file, or over those of all files of an image that has several. Names do not count.

    A folder's files have no order; they are taken in that of their own checksums.
    """
    path = Path(path)
    files = ImageFiles.of(path)
    if files.all == (path,):
        return _sha256(path)
    parts = [_sha256(file) for file in files.parts]
    if path.is_dir():
        parts.sort()
    if files.header is not None:
        parts.append(hashlib.sha256(files.header).hexdigest())
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compact(image: sitk.Image) -> sitk.Image:
    """The image as int16 where that loses nothing (CT in HU), else float32: a quarter to a half of the memory."""
    if image.GetPixelID() == sitk.sitkInt16:
        return image
    values = sitk.GetArrayViewFromImage(image)
    limits = np.iinfo(np.int16)
    fits = values.min() >= limits.min and values.max() <= limits.max
    # Plane by plane: the first that is not whole ends it, and no volume is copied.
    if fits and (np.issubdtype(values.dtype, np.integer) or all(np.array_equal(p, np.rint(p)) for p in values)):
        return sitk.Cast(image, sitk.sitkInt16)
    return image if image.GetPixelID() == sitk.sitkFloat32 else sitk.Cast(image, sitk.sitkFloat32)
