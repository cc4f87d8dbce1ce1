"""TCGA-LIHC: CT with pathologists' grades; the segmentations are networks', some corrected by radiologists.

Erickson et al., The Cancer Imaging Archive 2016, https://doi.org/10.7937/K9/TCIA.2016.IMMQW8UQ, CC BY 3.0;
segmentations: Imaging Data Commons, BAMF-AIMI annotations, CC BY 4.0.
"""

from pathlib import Path

from REACTKDLib.imaging.segment_names import liver_of

from .dicom_layout import Study, patient_folders, studies
from .dicom_seg import Seg
from .found import Found, LeftOut
from .segmented_ct import cases_of
from .table import column, read_table

COLLECTION = "tcga_lihc"
PATIENTS = (
    "bcr_patient_barcode",
    "submitter_id",
    "case_submitter_id",
    "cases.submitter_id",
    "Patient ID",
    "patient",
)
GRADE = (
    "neoplasm_histologic_grade",
    "tumor_grade",
    "diagnoses.tumor_grade",
    "Neoplasm Histologic Grade",
    "grade",
)
TABLE = (
    "clinical data of TCGA-LIHC from https://portal.gdc.cancer.gov or https://www.cbioportal.org, as CSV or TSV with "
    f"columns such as {PATIENTS[0]} and {GRADE[0]}"
)
"""Where the grades are."""
GRADES = {"G1": 0, "G2": 1, "G3": 2, "G4": 2}
"""Edmondson-Steiner's four grades, as the three of this work."""
CORRECTED = "corrected"
"""In the SeriesDescription of a SEG that a reader has gone over."""


def find_tcga_lihc(directory: Path, table: Path, masks: Path, *, unlabelled: bool = False) -> Found:
    """One case for each CT series with a liver segmentation, the corrected one where there is one.

    There are no expert masks: a SEG without a tumour leaves the case without lesions, which its result says.
    table: clinical data with a column of `PATIENTS` and one of `GRADE`. Other arguments as in `find_hcc_tace_seg`.
    Raises CohortError: missing_file, bad_table, no_cases.
    """
    grades = read_grades(table)
    cases, left_out = [], []
    for folder in patient_folders(directory, COLLECTION):
        patient = folder.name
        grade = grades.get(patient)
        if grade is None and not unlabelled:
            left_out.append(LeftOut(patient, "it has no grade from G1 to G4"))
            continue
        segmented = [pair for study in studies(folder) for pair in _segmented_series(study)]
        if not segmented:
            left_out.append(LeftOut(patient, "no CT with a liver segmentation is there"))
        for number, (study, seg) in enumerate(segmented, start=1):
            part = cases_of(study, seg, patient, grade, masks, f"{patient}_{number}")
            cases += part.cases
            left_out += part.left_out
    return Found(tuple(cases), tuple(left_out))


def read_grades(table: Path | str) -> dict[str, int | None]:
    """Grade by patient, in the first of their rows that has one; None for GX and whatever else is not G1 to G4.

    Raises CohortError: missing_file, bad_table.
    """
    rows = read_table(table)
    patient, grade = column(rows, PATIENTS, table), column(rows, GRADE, table)
    grades: dict[str, int | None] = {}
    for row in rows:
        name, found = row[patient].strip().upper(), GRADES.get(row[grade].strip().upper())
        if grades.get(name) is None:
            grades[name] = found
    return grades


def _segmented_series(study: Study) -> list[tuple[Study, Seg]]:
    """The study's SEG for each of its CT series that has one."""
    best: dict[tuple[str, ...], Seg] = {}
    for seg in map(Seg.read, study.seg):
        series = tuple(uid for uid in seg.series if uid in study.ct)
        if series and liver_of(seg.segments):
            best[series] = max(best.get(series, seg), seg, key=lambda s: CORRECTED in s.description.lower())
    return [(study, seg) for seg in best.values()]
