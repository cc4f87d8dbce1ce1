"""DICOM CT and SEG in the layout of a download, small; written with pydicom and highdicom."""

from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SHAPE = (6, 16, 20)
"""(D, H, W) of the volumes."""
SPACING_MM = (5.0, 2.0, 1.5)
ORIGIN_MM = (-12.0, -20.0, 30.0)


def uid(*parts) -> str:
    return generate_uid(entropy_srcs=[str(part) for part in parts])


def write_ct(folder: Path, patient: str, study: str, series: str, *, acquisition: int, date: str, shift: float = 0.0):
    """SHAPE slices of noise; returns their headers. shift: along z, mm."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(acquisition)
    slices = []
    for number in range(SHAPE[0]):
        data = pydicom.Dataset()
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, uid(series, acquisition, number)
        data.PatientID, data.PatientName = patient, f"{patient}^"
        data.PatientBirthDate = data.PatientSex = data.AccessionNumber = data.StudyID = ""
        data.StudyDate, data.StudyTime, data.Modality = date, "120000", "CT"
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.FrameOfReferenceUID, data.PositionReferenceIndicator = uid(study, "frame"), ""
        data.AcquisitionNumber, data.InstanceNumber, data.SeriesNumber = acquisition, number + 1, 4
        data.ImagePositionPatient = [*ORIGIN_MM[:2], ORIGIN_MM[2] + SPACING_MM[0] * number + shift]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = list(SPACING_MM[1:]), SPACING_MM[0]
        data.Rows, data.Columns = SHAPE[1:]
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 1
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.RescaleSlope, data.RescaleIntercept = 1, 0
        data.PixelData = rng.integers(-1000, 300, SHAPE[1:]).astype("<i2").tobytes()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = CTImageStorage
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.save_as(folder / f"{acquisition}-{number:03d}.dcm", enforce_file_format=True)
        slices.append(data)
    return slices


def write_seg(file: Path, slices: list, masks: dict[str, np.ndarray], description: str = "Segmentation"):
    """masks: name to (D, H, W), one slice for each of `slices`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    segments = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, name in enumerate(masks, start=1)
    ]
    seg = highdicom.seg.Segmentation(
        source_images=slices,
        pixel_array=np.stack(list(masks.values()), axis=-1).astype(np.uint8),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=file.parent.name.removeprefix("SEG_"),
        series_number=300,
        sop_instance_uid=uid(file, "seg"),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        series_description=description,
        omit_empty_frames=False,
    )
    seg.save_as(file)


def liver_and_mass() -> dict[str, np.ndarray]:
    """Boxes that overlap: the mass lies in the liver, the vein crosses both."""
    names = ("Liver", "Mass", "Portal vein", "Abdominal aorta")
    masks = {name: np.zeros(SHAPE, bool) for name in names}
    masks["Liver"][1:5, 2:12, 2:16] = True
    masks["Mass"][2:4, 4:8, 4:9] = True
    masks["Portal vein"][2:5, 6:7, 3:14] = True
    masks["Abdominal aorta"][:, 13:15, 9:11] = True
    return masks


@pytest.fixture
def add_study() -> Callable[..., None]:
    """Adds a study: a CT series with one volume an acquisition, and a SEG on the last of them."""

    def add(
        root: Path,
        collection: str,
        patient: str,
        *,
        date: str = "19990101",
        acquisitions: dict[int, float] | None = None,
        description: str | None = "Segmentation",
        masks: dict[str, np.ndarray] | None = None,
    ) -> None:
        study, series = uid(patient, date), uid(patient, date, "ct")
        folder = root / collection / patient / study
        for acquisition, shift in (acquisitions or {2: 0.0, 3: 0.0}).items():
            place = folder / f"CT_{series}"
            slices = write_ct(place, patient, study, series, acquisition=acquisition, date=date, shift=shift)
        if description is not None:
            seg = folder / f"SEG_{uid(patient, date, description)}" / "seg.dcm"
            write_seg(seg, slices, masks or liver_and_mass(), description)

    return add


@pytest.fixture
def masks() -> dict[str, np.ndarray]:
    return liver_and_mass()
