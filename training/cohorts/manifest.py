"""A cohort's manifest: a CSV with one line a case (commas, semicolons or tabs), read and checked as a whole."""

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from REACTKDLib.imaging.roles import PATH_NAMES
from REACTKDLib.inference.case_files import CaseFiles
from REACTKDLib.inference.text_table import read_rows

from .errors import CohortError
from .grades import GRADES, parse_grade
from .leakage import same_ct

PATHS = tuple(PATH_NAMES.values())
COLUMNS = ("patient", "case", *PATHS, "liver_segment", "tumor_segment", "acquisition", "grade", "group")
REQUIRED = ("patient", "case", "ct", "grade")
CASE_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, kw_only=True)
class CohortCase:
    """One line of a manifest.

    patient: who it is of. group: patients who stay on one side of every split; the patient alone unless the manifest
    says otherwise. grade: 0, 1, 2, or None where it is not known. files: absolute paths.
    """

    patient: str
    group: str
    grade: int | None
    files: CaseFiles

    @property
    def name(self) -> str:
        return self.files.name


@dataclass(frozen=True)
class Cohort:
    """The cases of a manifest, and the SHA-256 of its bytes."""

    cases: tuple[CohortCase, ...]
    sha256: str


@dataclass(frozen=True)
class Problem:
    """What is wrong in a manifest: line (the header is 1), column, value, and what to do."""

    line: int
    column: str
    value: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column} '{self.value}': {self.message}. {self.hint}."


def read_manifest(path: Path | str, *, allow_unlabelled: bool = False) -> Cohort:
    """The cohort of a manifest without a problem; paths are relative to the manifest.

    allow_unlabelled: whether a grade may be empty. Raises CohortError: missing_file, bad_manifest (with all problems).
    """
    cohort, problems = examine_manifest(path, allow_unlabelled=allow_unlabelled)
    if problems:
        raise CohortError(
            "bad_manifest",
            f"The manifest {Path(path).name} has {len(problems)} problem{'s' if len(problems) > 1 else ''}:\n"
            + "\n".join(map(str, problems)),
            "Correct these lines.",
        )
    return cohort


def examine_manifest(path: Path | str, *, allow_unlabelled: bool = False) -> tuple[Cohort, list[Problem]]:
    """The cases that can be read, and all problems by line. Reads CTs only as far as two could be the same.

    Raises CohortError: missing_file, bad_manifest where the file is no CSV at all.
    """
    path = Path(path)
    if path.is_dir():
        words = "Give the CSV that `reactkd-train manifest` makes of it."
        raise CohortError("missing_file", f"The manifest {path} is a folder.", words)
    if not path.is_file():
        raise CohortError("missing_file", f"The manifest {path} does not exist.", "Check the path.")
    content = path.read_bytes()
    lines, columns = _lines(content, path.name)
    problems = _column_problems(columns)
    cases: dict[int, CohortCase] = {}
    if not problems:
        for line, row in lines:
            found, case = _parse(line, row, path.parent, allow_unlabelled)
            problems += found
            if case:
                cases[line] = case
        if not lines:
            problems.append(Problem(1, "case", "", "no case follows the header", "Add one line for each case"))
    problems += [*_repeated_names(cases), *_patients_in_two_groups(cases), *_leaks(cases)]
    cohort = Cohort(tuple(cases.values()), hashlib.sha256(content).hexdigest())
    return cohort, sorted(problems, key=lambda problem: problem.line)


def write_manifest(cases: Iterable[CohortCase], path: Path | str) -> None:
    """Paths relative to the manifest, so that the folder can move. Raises CohortError output_not_writable."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(manifest_of(cases, path.parent))
        temporary.replace(path)
    except OSError as error:
        raise CohortError(
            "output_not_writable",
            f"The manifest {path} cannot be written: {error.strerror}.",
            "Choose another place, or free some space.",
        ) from error


def manifest_of(cases: Iterable[CohortCase], folder: Path) -> bytes:
    """What `write_manifest` writes into the folder."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(_row(case, folder) for case in cases)
    return text.getvalue().encode()


def _row(case: CohortCase, base: Path) -> dict[str, str]:
    row = {"patient": case.patient, "case": case.name, "grade": "" if case.grade is None else str(case.grade)}
    row["group"] = "" if case.group == case.patient else case.group
    for column in (*PATHS, "liver_segment", "tumor_segment", "acquisition"):
        value = getattr(case.files, column)
        if value is not None:
            row[column] = Path(os.path.relpath(value, base)).as_posix() if column in PATHS else str(value)
    return row


def _lines(content: bytes, name: str) -> tuple[list[tuple[int, dict]], Sequence[str]]:
    """Rows with the number of the line they end on."""
    try:
        reader = read_rows(content)
        return [(reader.line_num, row) for row in reader], reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise CohortError(
            "bad_manifest", f"The manifest {name} cannot be read as CSV ({error}).", "Save it as CSV in UTF-8."
        ) from error


def _column_problems(columns: Sequence[str]) -> list[Problem]:
    known = f"The columns are {', '.join(COLUMNS)}"
    problems = [Problem(1, c, "", "the column is missing", known) for c in REQUIRED if c not in columns]
    problems += [Problem(1, c, c, "no such column is known", known) for c in columns if c not in COLUMNS]
    twice = {c for c in columns if columns.count(c) > 1}
    return problems + [Problem(1, c, c, "the column is there twice", "Keep one of them") for c in sorted(twice)]


def _parse(line: int, row: dict, base: Path, allow_unlabelled: bool) -> tuple[list[Problem], CohortCase | None]:
    value = {column: (row.get(column) or "").strip() for column in COLUMNS}
    problems: list[Problem] = []

    def wrong(column: str, message: str, hint: str) -> None:
        problems.append(Problem(line, column, value[column], message, hint))

    if None in row:
        wrong("case", "the line has more cells than the header", "Put values with a comma in quotes")
    if not value["patient"]:
        wrong("patient", "it is empty", "Name the patient: cases of one patient must not be split")
    if not CASE_NAME.fullmatch(value["case"]):
        wrong("case", "it cannot name a folder", "Use letters, digits, '_', '.' and '-'")
    if not value["ct"]:
        wrong("ct", "it is empty", "Every case needs a CT")
    if not value["segmentation"] and not value["liver"]:
        wrong("liver", "neither a liver nor a segmentation is given", "Fill one of the two columns")
    if value["segmentation"] and (value["liver"] or value["tumor"]):
        wrong("segmentation", "masks of their own are given too", "Give either segmentation, or liver and tumor")
    for column in PATHS:
        if value[column] and not (base / value[column]).exists():
            wrong(column, "there is no such file or folder", "Correct the path; it is relative to the manifest")
    if value["acquisition"] and not value["acquisition"].isdecimal():
        wrong("acquisition", "it is not a number", "Give the DICOM AcquisitionNumber, or leave it empty")
    grade = None
    try:
        if value["grade"] or not allow_unlabelled:
            grade = parse_grade(value["grade"])
    except ValueError:
        names = ", ".join(f"{number} ({name})" for number, name in enumerate(GRADES))
        wrong("grade", "it is not a grade" if value["grade"] else "it is empty", f"Give {names}, or the name alone")
    if problems:
        return problems, None
    paths = {column: base / value[column] for column in PATHS if value[column]}
    files = CaseFiles(
        **paths,
        name=value["case"],
        liver_segment=value["liver_segment"] or None,
        tumor_segment=value["tumor_segment"] or None,
        acquisition=int(value["acquisition"]) if value["acquisition"] else None,
    )
    group = value["group"] or value["patient"]
    return [], CohortCase(patient=value["patient"], group=group, grade=grade, files=files)


def _repeated_names(cases: dict[int, CohortCase]) -> list[Problem]:
    first: dict[str, int] = {}
    return [
        Problem(line, "case", case.name, f"line {first[case.name.lower()]} has that name", "Give each case its own")
        for line, case in cases.items()
        if first.setdefault(case.name.lower(), line) != line
    ]


def _patients_in_two_groups(cases: dict[int, CohortCase]) -> list[Problem]:
    first: dict[str, tuple[int, str]] = {}
    problems = []
    for line, case in cases.items():
        earlier, group = first.setdefault(case.patient, (line, case.group))
        if group != case.group:
            message = f"patient {case.patient} is in group '{group}' in line {earlier}"
            problems.append(Problem(line, "group", case.group, message, "Put all cases of a patient into one group"))
    return problems


def _leaks(cases: dict[int, CohortCase]) -> list[Problem]:
    numbers = list(cases)
    hint = "Keep one; two phases of one DICOM series need one patient and an acquisition each"
    return [
        Problem(
            numbers[later],
            "ct",
            str(cases[numbers[later]].files.ct),
            f"it is the same CT as in line {numbers[earlier]}, and one could be learnt and tested on",
            hint,
        )
        for earlier, later in same_ct([(case.patient, case.files) for case in cases.values()])
    ]
