"""What the networks of a run predicted, by the lines of a table."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .checks import absent_classes
from .errors import EvaluationError
from .predictions import Predictions, join

TEST, VALIDATION, EXTERNAL = "test", "validation", "external"
"""Splits: what a fold holds out, what chose its networks' epochs, and another cohort."""
UNKNOWN = ("", "")
"""Inputs and dose of a job that has not finished anywhere."""


@dataclass(frozen=True, order=True)
class Entry:
    """One line of a table: a job's name, such as `student-react_kd`, what it read, and at which dose."""

    job: str
    inputs: str
    dose: str

    def __str__(self) -> str:
        return f"{self.job} ({self.inputs}, {self.dose})"


@dataclass(frozen=True)
class EntryPredictions:
    """by_seed: seed -> fold -> predictions by that fold's network. folds: those that the run was asked to train.

    same_cases: whether all folds predict the same cases, such as an external cohort's, and not each its own.
    """

    entry: Entry
    folds: tuple[int, ...]
    by_seed: dict[int, dict[int, Predictions]]
    same_cases: bool = False

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that have every fold."""
        return tuple(seed for seed, found in sorted(self.by_seed.items()) if set(found) == set(self.folds))

    def missing(self, run_seeds: tuple[int, ...]) -> str:
        """Which folds of which seeds are not there, in words; "" where all are."""
        return missing_folds(self.folds, self.by_seed, run_seeds)

    def in_order(self, seed: int) -> tuple[Predictions, ...]:
        """Of each fold."""
        return tuple(self.by_seed[seed][fold] for fold in self.folds)

    def pooled(self, seeds: tuple[int, ...]) -> tuple[Predictions, ...]:
        """Sets of predictions of the same cases in the same order, seed by seed, all of them of complete seeds.

        One a seed, of all held-out cases together; where the folds predict the same cases, one a seed and fold.
        Raises EvaluationError: repeated_case, other_facts, other_cases.
        """
        of_seeds = [self.in_order(seed) for seed in seeds]
        parts = [[part] for of_seed in of_seeds for part in of_seed] if self.same_cases else of_seeds
        pooled = tuple(map(join, parts))
        if any(not np.array_equal(part.cases, pooled[0].cases) for part in pooled[1:]):
            raise EvaluationError(
                "other_cases",
                f"The {'networks' if self.same_cases else 'seeds'} of {self.entry} did not predict the same cases.",
                "Run again those with fewer cases: a mean is only taken over the same cases.",
            )
        return pooled

    def networks(self, pooled: Predictions) -> np.ndarray:
        """Which of a seed's networks predicted each of the pooled cases, by its fold: (N,); one where all do."""
        if self.same_cases:
            return np.zeros(len(pooled), dtype=int)
        fold_of = {case: fold for folds in self.by_seed.values() for fold, part in folds.items() for case in part.cases}
        return np.array([fold_of[case] for case in pooled.cases])


@dataclass(frozen=True)
class RunPredictions:
    """held_out: cases of each fold. learnt: how many each learns from.

    folds: those that the run was asked to train. seeds: all that any job of it has.
    entries: by job, inputs and dose, of one split. calibrated: whether logits have the temperature of validation cases.
    """

    split: str
    held_out: tuple[tuple[str, ...], ...]
    learnt: tuple[int, ...]
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    entries: dict[Entry, EntryPredictions]
    calibrated: bool = False

    @property
    def case_count(self) -> int:
        """Cases there are to predict: all that some fold holds out; of other splits those that any job predicts."""
        if self.split == TEST:
            return sum(map(len, self.held_out))
        of_jobs = (
            part for found in self.entries.values() for folds in found.by_seed.values() for part in folds.values()
        )
        return len(set().union(*(part.cases for part in of_jobs)))

    @property
    def only_folds(self) -> str:
        """In words where the run was not asked for all folds, else ""."""
        return only_folds(self.folds, len(self.held_out))


def only_folds(folds: Collection[int], count: int) -> str:
    """Such as `fold 0 only`; "" where these are all `count` of them."""
    return "" if len(folds) == count else f"fold{'s' if len(folds) > 1 else ''} {listed(folds)} only"


def why_undefined(parts: Iterable[Predictions]) -> str:
    """Why these cases have no metrics, in words, such as `no case of grade well differentiated`; "" where they do."""
    labels = np.concatenate([part.labels for part in parts])
    absent = ", ".join(name.lower() for name in absent_classes(labels))
    return f"no case of grade {absent}" if absent and len(labels) else "no case" if absent else ""


def missing_folds(folds: Iterable[int], found: Mapping[int, Collection[int]], seeds: Iterable[int]) -> str:
    """Which folds of which seeds are not among those found, seed -> folds, in words; "" where all are."""
    seeds_of: dict[tuple[int, ...], list[int]] = {}
    for seed in seeds:
        lacking = tuple(sorted(set(folds) - set(found.get(seed, ()))))
        seeds_of.setdefault(lacking, []).append(seed)
    return "; ".join(f"fold {listed(folds)} of seed {listed(seeds)}" for folds, seeds in seeds_of.items() if folds)


def listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
