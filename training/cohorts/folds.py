"""Folds by patient, stratified by grade, kept with the manifest they were made from."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from .errors import CohortError
from .grades import GRADES
from .manifest import Cohort
from .sides import TEST, TRAINING, UNLABELLED, Sides, check_sides

SCHEMA = 1


@dataclass(frozen=True)
class Folds:
    """validation: names of the labelled cases held out in each fold. unlabelled: names of cases that teach only.

    An unlabelled case of someone who is held out is left out of that fold: its fold is in `unlabelled`, else None.
    """

    seed: int
    manifest_sha256: str
    validation: tuple[tuple[str, ...], ...]
    unlabelled: tuple[tuple[str, int | None], ...] = ()

    def training(self, fold: int) -> tuple[str, ...]:
        """Labelled cases to learn from in a fold."""
        return tuple(name for other, names in enumerate(self.validation) if other != fold for name in names)

    def unlabelled_training(self, fold: int) -> tuple[str, ...]:
        """Unlabelled cases to learn from in a fold."""
        return tuple(name for name, held_out in self.unlabelled if held_out != fold)

    def write(self, path: Path | str) -> None:
        """As JSON. Raises OSError."""
        path = Path(path)
        temporary = path.with_name(f".{path.name}")
        temporary.write_text(json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path | str, cohort: Cohort) -> "Folds":
        """The folds made from this cohort, none of which leaks.

        Raises CohortError: bad_folds, leaking_folds, other_manifest.
        """
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values.pop("schema") != SCHEMA:
                raise ValueError("another schema")
            validation = tuple(tuple(map(str, names)) for names in values.pop("validation"))
            unlabelled = tuple((str(name), held_out) for name, held_out in values.pop("unlabelled"))
            folds = cls(validation=validation, unlabelled=unlabelled, **values)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CohortError(
                "bad_folds", f"The folds {path.name} cannot be read ({error}).", "Make them again from the manifest."
            ) from error
        if folds.manifest_sha256 != cohort.sha256:
            raise CohortError(
                "other_manifest",
                f"The folds {path.name} were made from another version of the manifest.",
                "Take the manifest they were made from, or make new folds and start the runs anew.",
            )
        check_sides([folds._sides(fold) for fold in range(len(validation))], cohort, "folds", path)
        return folds

    def _sides(self, fold: int) -> Sides:
        return {
            TRAINING: self.training(fold),
            UNLABELLED: self.unlabelled_training(fold),
            TEST: self.validation[fold],
        }


def make_folds(cohort: Cohort, count: int = 3, seed: int = 0) -> Folds:
    """Splits the labelled patients so that each fold has its share of every grade, and no group is on two sides.

    A patient counts once, with the worst grade of their cases, however many those are. The order of the manifest's
    lines does not matter. Raises CohortError: bad_fold_count, too_few_patients, class_missing_from_fold.
    """
    if count < 2:
        raise CohortError("bad_fold_count", f"Cross-validation needs two folds or more, not {count}.", "Ask for 3.")
    grades, group_of = _patients(cohort)
    _check_enough(grades, group_of, count)
    patients = sorted(grades)
    labels = np.array([grades[patient] for patient in patients])
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    fold_of_group: dict[str, int] = {}
    groups = [group_of[patient] for patient in patients]
    for fold, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
        fold_of_group |= {groups[index]: fold for index in held_out}
        _check_every_grade(labels[held_out], fold, count)
    validation = tuple(
        tuple(sorted(c.name for c in cohort.cases if c.grade is not None and fold_of_group[c.group] == fold))
        for fold in range(count)
    )
    unlabelled = sorted((c.name, fold_of_group.get(c.group)) for c in cohort.cases if c.grade is None)
    return Folds(seed, cohort.sha256, validation, tuple(unlabelled))


def _patients(cohort: Cohort) -> tuple[dict[str, int], dict[str, str]]:
    """Worst grade and group, by labelled patient."""
    grades: dict[str, int] = {}
    for case in cohort.cases:
        if case.grade is not None:
            grades[case.patient] = max(case.grade, grades.get(case.patient, 0))
    return grades, {case.patient: case.group for case in cohort.cases if case.patient in grades}


def _check_enough(grades: dict[str, int], group_of: dict[str, str], count: int) -> None:
    """Each grade needs a group of its own in each fold."""
    groups = Counter(grade for grade, _ in {(grade, group_of[patient]) for patient, grade in grades.items()})
    if few := [f"{name} ({groups[grade]})" for grade, name in enumerate(GRADES) if groups[grade] < count]:
        raise CohortError(
            "too_few_patients",
            f"{count} folds need {count} patients (or groups) of every grade; too few have: {', '.join(few)}.",
            "Use fewer folds, or more patients.",
        )


def _check_every_grade(labels: np.ndarray, fold: int, count: int) -> None:
    if absent := [name for grade, name in enumerate(GRADES) if grade not in labels]:
        raise CohortError(
            "class_missing_from_fold",
            f"Fold {fold + 1} of {count} has no patient with: {', '.join(absent)}.",
            "Use smaller groups, fewer folds or another seed.",
        )
