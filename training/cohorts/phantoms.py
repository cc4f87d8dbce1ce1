"""The phantom cohort, as `reactkd phantom` writes it: it proves the pipeline, and nothing about patients."""

import json
from dataclasses import replace
from pathlib import Path

from REACTKDLib.inference.case_files import CaseFiles

from .errors import CohortError
from .found import Found
from .manifest import PATHS, CohortCase
from .table import column, read_table

COHORT, DESCRIPTION = "cohort.csv", "phantom.json"


def find_phantoms(directory: Path) -> Found:
    """One case for each line of cohort.csv, with the grade that its phantom.json states; each a patient of its own.

    Raises CohortError: missing_file, bad_table, not_a_phantom.
    """
    table = directory / COHORT
    rows = read_table(table)
    column(rows, ("case",), table)
    column(rows, ("ct",), table)
    return Found(tuple(_case(row, directory) for row in rows))


def _case(row: dict[str, str], directory: Path) -> CohortCase:
    name = row["case"]
    files = CaseFiles(name=name, ct=directory / row["ct"])
    files = replace(files, **{role: directory / row[role] for role in PATHS if row.get(role)})
    try:
        values = json.loads((Path(files.ct).parent / DESCRIPTION).read_text(encoding="utf-8"))
        if values["phantom"] is not True or values["grade"] not in (0, 1, 2):
            raise ValueError("no phantom with a grade")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CohortError(
            "not_a_phantom",
            f"The case {name} has no {DESCRIPTION} with a grade beside its CT.",
            "Make the cohort with `reactkd phantom`.",
        ) from error
    return CohortCase(patient=name, group=name, grade=values["grade"], files=files)
