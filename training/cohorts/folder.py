"""A plain folder: one sub-folder a case, its files by name, and the grades in a table beside them."""

from pathlib import Path

from REACTKDLib.inference.case_files import CaseFiles

from .errors import CohortError
from .found import Found, LeftOut
from .grades import GRADES, parse_grade
from .manifest import CASE_NAME, PATHS, CohortCase
from .table import column, read_table

SUFFIXES = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".mhd", "")
"""What may follow a file's name, the first found counting; nothing, for a folder of DICOM slices."""
TABLE = "grades.csv"


def find_folder(directory: Path, table: Path | None = None, *, unlabelled: bool = False) -> Found:
    """A case for each sub-folder with a CT and a liver: ct, pet_fdg, pet_act, and segmentation or liver and tumor.

    table: the columns case and grade, and patient and group where a patient has several cases; `grades.csv` of the
    folder if not given. unlabelled: whether cases without a grade enter.
    Raises CohortError: no_cases, missing_file, bad_table.
    """
    if table is None and (directory / TABLE).is_file():
        table = directory / TABLE
    if table is None and not unlabelled:
        raise CohortError(
            "missing_file",
            f"There is no {TABLE} in {directory}.",
            "Make it, with the columns case and grade; or ask for unlabelled cases.",
        )
    rows = _rows(table) if table else {}
    cases, left_out = [], []
    for folder in sorted(path for path in directory.glob("*") if path.is_dir() and not path.name.startswith(".")):
        found = _case(folder, rows.get(folder.name, {}), unlabelled)
        (cases if isinstance(found, CohortCase) else left_out).append(found)
    left_out += [LeftOut(name, "the table names it, but there is no such folder") for name in _absent(rows, directory)]
    if not cases and not left_out:
        raise CohortError("no_cases", f"There is no sub-folder in {directory}.", "Put each case into one of its own.")
    return Found(tuple(cases), tuple(left_out))


def _rows(table: Path) -> dict[str, dict[str, str]]:
    rows = read_table(table)
    case = column(rows, ("case",), table)
    column(rows, ("grade",), table)
    names = [row[case].strip() for row in rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CohortError(
            "bad_table", f"{table.name} names these cases twice: {', '.join(twice)}.", "Keep one of each."
        )
    for line, row in enumerate(rows, start=2):
        try:
            if row["grade"].strip():
                parse_grade(row["grade"])
        except ValueError as error:
            words = ", ".join(f"{number} ({name})" for number, name in enumerate(GRADES))
            raise CohortError(
                "bad_table", f"{table.name}, line {line}: '{row['grade']}' is not a grade.", f"Give {words}."
            ) from error
    return dict(zip(names, rows, strict=True))


def _absent(rows: dict[str, dict[str, str]], directory: Path) -> list[str]:
    return [name for name in rows if not (directory / name).is_dir()]


def _case(folder: Path, row: dict[str, str], unlabelled: bool) -> CohortCase | LeftOut:
    name = folder.name
    files = {role: path for role in PATHS if (path := _file(folder, role))}
    grade = row.get("grade", "").strip()
    if not CASE_NAME.fullmatch(name):
        return LeftOut(name, "its name has other characters than letters, digits, '_', '.' and '-': rename the folder")
    if "ct" not in files:
        return LeftOut(name, "it has no file called ct")
    if "segmentation" not in files and "liver" not in files:
        return LeftOut(name, "it has no file called segmentation or liver")
    if not grade and not unlabelled:
        return LeftOut(name, "it has no grade")
    if "segmentation" in files:
        files = {role: path for role, path in files.items() if role not in ("liver", "tumor")}
    patient = row.get("patient", "").strip() or name
    return CohortCase(
        patient=patient,
        group=row.get("group", "").strip() or patient,
        grade=parse_grade(grade) if grade else None,
        files=CaseFiles(**files, name=name),
    )


def _file(folder: Path, role: str) -> Path | None:
    spellings = (role, "tumour") if role == "tumor" else (role,)
    candidates = (folder / f"{spelling}{suffix}" for spelling in spellings for suffix in SUFFIXES)
    return next((path for path in candidates if path.exists()), None)
