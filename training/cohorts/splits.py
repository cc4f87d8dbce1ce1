"""What each case is for in each fold: to learn from, to choose the epoch, or to be held out."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .errors import CohortError
from .folds import Folds
from .grades import GRADES
from .manifest import Cohort
from .sides import MADE_AGAIN, check_sides

SCHEMA = 1


@dataclass(frozen=True)
class Split:
    """Names of the cases of one fold. training, validation and test have grades.

    validation: chooses the epoch and fits the temperature. test: held out, the cases of `Folds.validation`.
    unlabelled: teach dose consistency only.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    unlabelled: tuple[str, ...] = ()


def make_splits(cohort: Cohort, folds: Folds, share: float, seed: int = 0) -> tuple[Split, ...]:
    """One for each fold. No group is on two sides, and training and validation both have every grade.

    share: part of each grade's training patients (groups, with the worst grade of theirs) that validate, at least one;
    0: the held-out cases validate. Raises CohortError too_few_patients.
    """
    return tuple(_split(cohort, folds, fold, share, seed) for fold in range(len(folds.validation)))


def write_splits(splits: tuple[Split, ...], cohort: Cohort, path: Path | str) -> None:
    """As JSON. Raises OSError."""
    path = Path(path)
    values = {"schema": SCHEMA, "manifest_sha256": cohort.sha256, "folds": [asdict(split) for split in splits]}
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_splits(path: Path | str, cohort: Cohort) -> tuple[Split, ...]:
    """Those made from this cohort, none of which leaks.

    Raises CohortError: bad_splits, leaking_splits, other_manifest.
    """
    path = Path(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["schema"] != SCHEMA:
            raise ValueError("another schema")
        splits = tuple(
            Split(**{side: tuple(map(str, names)) for side, names in fold.items()}) for fold in values["folds"]
        )
        sha256 = values["manifest_sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CohortError("bad_splits", f"The splits {path.name} cannot be read ({error}).", MADE_AGAIN) from error
    if sha256 != cohort.sha256:
        raise CohortError(
            "other_manifest",
            f"The splits {path.name} were made from another version of the manifest.",
            "Take the manifest they were made from, or start a new run.",
        )
    check_sides([asdict(split) for split in splits], cohort, "splits", path)
    return splits


def _split(cohort: Cohort, folds: Folds, fold: int, share: float, seed: int) -> Split:
    test, learnt = folds.validation[fold], set(folds.training(fold))
    if share == 0:
        return Split(tuple(sorted(learnt)), test, test, folds.unlabelled_training(fold))
    grades: dict[str, int] = {}
    for case in cohort.cases:
        if case.name in learnt:
            grades[case.group] = max(case.grade, grades.get(case.group, 0))
    chosen = _choose(grades, share, np.random.default_rng((seed, fold)), fold)
    group_of = {case.name: case.group for case in cohort.cases}
    return Split(
        training=tuple(sorted(name for name in learnt if group_of[name] not in chosen)),
        validation=tuple(sorted(name for name in learnt if group_of[name] in chosen)),
        test=test,
        unlabelled=tuple(name for name in folds.unlabelled_training(fold) if group_of[name] not in chosen),
    )


def _choose(grades: dict[str, int], share: float, random: np.random.Generator, fold: int) -> set[str]:
    """Groups that validate, the share of each grade."""
    of_grade = defaultdict(list)
    for group in sorted(grades):
        of_grade[grades[group]].append(group)
    if few := [f"{name} ({len(of_grade[grade])})" for grade, name in enumerate(GRADES) if len(of_grade[grade]) < 2]:
        raise CohortError(
            "too_few_patients",
            f"To learn from some and validate on others, fold {fold} needs two patients (or groups) of every grade "
            f"that are not held out; too few have: {', '.join(few)}.",
            "Use fewer folds, more patients, or validation_share 0.",
        )
    chosen: set[str] = set()
    for groups in of_grade.values():
        count = min(max(1, round(share * len(groups))), len(groups) - 1)
        chosen |= set(random.choice(groups, count, replace=False).tolist())
    return chosen
