"""What holds of every fold in a file of folds or splits, whoever wrote it: nobody is on two sides of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from .errors import CohortError, listed
from .grades import GRADES
from .manifest import Cohort, CohortCase

TRAINING, UNLABELLED, VALIDATION, TEST = "training", "unlabelled", "validation", "test"
Sides = Mapping[str, Sequence[str]]
"""Names of a fold's cases by side. UNLABELLED learn beside TRAINING, and are the only ones without a grade."""
MADE_AGAIN = "Delete the file: it is made again."


def check_sides(folds: Sequence[Sides], cohort: Cohort, what: Literal["folds", "splits"], path: Path) -> None:
    """Of all folds: names are the cohort's, no group is on two sides, and each side with grades has every one.

    VALIDATION and TEST may be the same cases. Raises CohortError: bad_folds or leaking_folds, bad_splits or
    leaking_splits.
    """
    case_of = {case.name: case for case in cohort.cases}
    if not folds:
        raise CohortError(f"bad_{what}", f"The {what} {path.name} hold no fold.", MADE_AGAIN)
    for fold, sides in enumerate(folds):
        if wrong := _wrong_names(sides, case_of):
            raise CohortError(f"bad_{what}", f"In fold {fold} of {path.name}, {wrong}.", MADE_AGAIN)
        if leaks := _on_two_sides(sides, case_of):
            raise CohortError(
                f"leaking_{what}",
                f"In fold {fold} of {path.name}, patients or their groups are on two sides: {listed(leaks)}.",
                "Delete the file and every network trained with it, or start a new run with --name.",
            )
        if absent := _absent_grades(sides, case_of):
            raise CohortError(f"bad_{what}", f"In fold {fold} of {path.name}, {absent}.", MADE_AGAIN)


def _wrong_names(sides: Sides, case_of: Mapping[str, CohortCase]) -> str:
    if unknown := [name for names in sides.values() for name in names if name not in case_of]:
        return f"cases are not in the manifest: {listed(unknown)}"
    labelled = [name for side, names in sides.items() if side != UNLABELLED for name in names]
    if without := [name for name in labelled if case_of[name].grade is None]:
        return f"cases need a grade and have none: {listed(without)}"
    return ""


def _on_two_sides(sides: Sides, case_of: Mapping[str, CohortCase]) -> list[str]:
    """Patients of each such group, with its sides."""
    if set(sides.get(VALIDATION, ())) == set(sides.get(TEST, ())):
        sides = {side: names for side, names in sides.items() if side != VALIDATION}
    sides_of, patients_of = defaultdict(dict), defaultdict(dict)
    for side, names in sides.items():
        for case in map(case_of.__getitem__, names):
            sides_of[case.group][side] = patients_of[case.group][case.patient] = True
    return [
        f"{' and '.join(patients_of[group])} ({', '.join(found)})"
        for group, found in sides_of.items()
        if len({TRAINING if side == UNLABELLED else side for side in found}) > 1
    ]


def _absent_grades(sides: Sides, case_of: Mapping[str, CohortCase]) -> str:
    for side, names in sides.items():
        found = {case_of[name].grade for name in names}
        absent = [name for grade, name in enumerate(GRADES) if grade not in found]
        if absent and side != UNLABELLED:
            return f"{side} has no case with: {', '.join(absent)}"
    return ""
