"""HCC-TACE-Seg: 105 patients, CT before and after chemoembolisation, expert segmentations, grades in a spreadsheet.

Moawad et al., The Cancer Imaging Archive 2021, https://doi.org/10.7937/TCIA.5FNA-0924, CC BY 4.0.
"""

from collections import Counter
from pathlib import Path
from typing import Literal

from .dicom_layout import patient_folders, studies
from .dicom_seg import Seg
from .errors import CohortError
from .found import Found, LeftOut
from .segmented_ct import cases_of, first_segmented
from .table import column, read_table

COLLECTION = "hcc_tace_seg"
SPREADSHEET = "HCC-TACE-Seg_clinical_data-V2.xlsx"
TABLE = f"{SPREADSHEET}, on the collection's page https://doi.org/10.7937/TCIA.5FNA-0924"
"""Where the grades are."""
PATIENT, PATHOLOGY = "TCIA_ID", "Pathology"
PLAIN = {"Well differentiated": 0, "Moderately differentiated": 1, "Poorly differentiated": 2}
MIXED = {"Well-moderately differentiated": (0, 1), "Moderately-poorly differentiated": (1, 2)}
"""The better and the worse grade."""
UNKNOWN = ("NOT STATED", "No biopsy")
COUNTS = {
    "Well differentiated": 37,
    "Moderately differentiated": 31,
    "Poorly differentiated": 13,
    "Well-moderately differentiated": 1,
    "Moderately-poorly differentiated": 1,
    "NOT STATED": 15,
    "No biopsy": 7,
}
"""Patients by `Pathology`, in version 2 of the spreadsheet."""
EXPERT = "Segmentation"
"""SeriesDescription of the collection's own SEG; networks' segmentations, added later, are called otherwise."""
DOUBTFUL = {
    "HCC_001": "slices of CT and segmentation are known not to match",
    "HCC_008": "its grids are known to be ambiguous",
    "HCC_010": "its grids are known to be ambiguous",
    "HCC_011": "its grids are known to be ambiguous",
}
Mixed = Literal["worse", "better", "exclude"]


def find_hcc_tace_seg(
    directory: Path,
    spreadsheet: Path,
    masks: Path,
    *,
    mixed: Mixed = "worse",
    unlabelled: bool = False,
    doubtful: bool = False,
) -> Found:
    """One case for each phase of each patient's first segmented study, which is the one before treatment.

    directory: of the download, or of the collection within it. spreadsheet: the collection's clinical data, .xlsx or
    CSV. masks: folder for the segmentations. mixed: what a grade between two counts as. unlabelled: whether patients
    without a grade enter. doubtful: whether those of DOUBTFUL enter, where their slices fit.
    Raises CohortError: missing_file, bad_table, unexpected_spreadsheet, no_cases.
    """
    grades = read_grades(spreadsheet, mixed)
    parts = []
    for folder in patient_folders(directory, COLLECTION):
        patient = folder.name
        grade = grades.get(patient)
        if patient in DOUBTFUL and not doubtful:
            parts.append(_without(patient, DOUBTFUL[patient]))
        elif grade is None and not unlabelled:
            parts.append(_without(patient, "it has no grade (not stated, no biopsy, or excluded as mixed)"))
        elif (first := first_segmented(studies(folder), _is_expert)) is None:
            parts.append(_without(patient, "no expert segmentation is there"))
        else:
            parts.append(cases_of(*first, patient, grade, masks, patient))
    return Found(tuple(c for part in parts for c in part.cases), tuple(o for part in parts for o in part.left_out))


def read_grades(spreadsheet: Path | str, mixed: Mixed = "worse") -> dict[str, int | None]:
    """Grade by patient; None where it is not known, or mixed and excluded.

    Raises CohortError: missing_file, bad_table, unexpected_spreadsheet (other counts than COUNTS).
    """
    rows = read_table(spreadsheet)
    patient, pathology = (column(rows, (name,), spreadsheet) for name in (PATIENT, PATHOLOGY))
    words = {row[patient].strip(): row[pathology].strip() for row in rows}
    counts = Counter(words.values())
    if counts != COUNTS or len(words) != len(rows):
        different = ", ".join(
            f"'{word}' {counts[word]} instead of {COUNTS.get(word, 0)}"
            for word in {**COUNTS, **counts}
            if counts[word] != COUNTS.get(word, 0)
        )
        raise CohortError(
            "unexpected_spreadsheet",
            f"{Path(spreadsheet).name} does not hold the known patients: {different or 'a patient is there twice'}.",
            f"Give {SPREADSHEET} unchanged, or the same as CSV.",
        )
    return {name: _grade(word, mixed) for name, word in words.items()}


def _grade(word: str, mixed: Mixed) -> int | None:
    if word in MIXED:
        better, worse = MIXED[word]
        return {"better": better, "worse": worse, "exclude": None}[mixed]
    return PLAIN.get(word)


def _is_expert(seg: Seg) -> bool:
    return seg.description == EXPERT


def _without(patient: str, reason: str) -> Found:
    return Found((), (LeftOut(patient, reason),))
