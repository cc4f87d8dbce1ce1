"""The finished jobs of a run, fold by fold and seed by seed."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import EvaluationError
from .predictions import Predictions, join, read_predictions

FOLDS, PREDICTIONS, DONE = "folds.json", "predictions.csv", "done.json"
"""Files of a run and of its jobs. The last is written last: a job without it has not finished."""
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
    """by_seed: seed -> fold -> predictions of that fold's held-out cases. folds: how many the run has."""

    entry: Entry
    folds: int
    by_seed: dict[int, dict[int, Predictions]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that have every fold."""
        return tuple(seed for seed, found in sorted(self.by_seed.items()) if len(found) == self.folds)

    def missing(self, run_seeds: tuple[int, ...]) -> str:
        """Which folds of which seeds are not there, in words; "" where all are."""
        seeds_of: dict[tuple[int, ...], list[int]] = {}
        for seed in run_seeds:
            lacking = sorted(set(range(self.folds)) - set(self.by_seed.get(seed, {})))
            seeds_of.setdefault(tuple(lacking), []).append(seed)
        return "; ".join(
            f"fold {_listed(folds)} of seed {_listed(seeds)}" for folds, seeds in seeds_of.items() if folds
        )

    def pooled(self, seeds: tuple[int, ...]) -> tuple[Predictions, ...]:
        """All held-out cases of each of these complete seeds, in the same order.

        Raises EvaluationError: repeated_case, other_facts, other_cases.
        """
        pooled = tuple(join(self.by_seed[seed].values()) for seed in seeds)
        if any(not np.array_equal(part.cases, pooled[0].cases) for part in pooled[1:]):
            raise EvaluationError(
                "other_cases",
                f"The seeds of {self.entry} did not predict the same cases.",
                "Run again those with fewer cases: seeds are only averaged over the same cases.",
            )
        return pooled


@dataclass(frozen=True)
class RunPredictions:
    """held_out: cases of each fold. seeds: all that any job of the run has. entries: by job, inputs and dose."""

    held_out: tuple[tuple[str, ...], ...]
    seeds: tuple[int, ...]
    entries: dict[Entry, EntryPredictions]


@dataclass(frozen=True)
class _Job:
    fold: int
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name


def read_run(run: Path | str, split: str = "test") -> RunPredictions:
    """All finished predictions of a run for one split.

    Raises EvaluationError: bad_run, bad_predictions, not_held_out where a job predicts a case of another fold.
    """
    run = Path(run)
    held_out = _held_out(run)
    entries: dict[Entry, EntryPredictions] = {}
    jobs = list(_jobs(run))
    for job in jobs:
        if job.fold >= len(held_out):
            raise _bad(run, f"it has {len(held_out)} folds, and a job in fold {job.fold}")
        for entry, predictions in _finished(job, split):
            _check_held_out(entry, predictions, held_out[job.fold], job.fold)
            of_entry = entries.setdefault(entry, EntryPredictions(entry, len(held_out), {}))
            of_entry.by_seed.setdefault(job.seed, {})[job.fold] = predictions
    if not entries:
        raise _bad(run, f"no finished job has predictions of the split '{split}'")
    for name in {job.name for job in jobs} - {entry.job for entry in entries}:
        entry = Entry(name, *UNKNOWN)
        entries[entry] = EntryPredictions(entry, len(held_out), {})
    return RunPredictions(held_out, tuple(sorted({job.seed for job in jobs})), dict(sorted(entries.items())))


def _held_out(run: Path) -> tuple[tuple[str, ...], ...]:
    try:
        return tuple(map(tuple, json.loads((run / FOLDS).read_text(encoding="utf-8"))["validation"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _bad(run, f"folds.json cannot be read ({error})") from error


def _jobs(run: Path) -> Iterator[_Job]:
    """Begun or finished."""
    for folder in sorted(path for path in run.glob("fold*/seed*/*") if path.is_dir()):
        if numbers := re.fullmatch(r"fold(\d+)/seed(\d+)", folder.parent.relative_to(run).as_posix()):
            yield _Job(int(numbers[1]), int(numbers[2]), folder)


def _finished(job: _Job, split: str) -> Iterator[tuple[Entry, Predictions]]:
    """Predictions by inputs and dose; none where the job has not finished."""
    if (job.folder / DONE).is_file():
        predictions = read_predictions(job.folder / PREDICTIONS).select(split=split)
        for inputs, dose in sorted(set(zip(predictions.inputs, predictions.dose, strict=True))):
            yield Entry(job.name, str(inputs), str(dose)), predictions.select(inputs=inputs, dose=dose).ordered()


def _check_held_out(entry: Entry, predictions: Predictions, held_out: tuple[str, ...], fold: int) -> None:
    if others := sorted(set(predictions.cases) - set(held_out)):
        raise EvaluationError(
            "not_held_out",
            f"{entry} in fold {fold} predicts {len(others)} cases that it does not hold out, such as {others[0]}.",
            "Its network may have learnt from them; run the job again with this run's folds.",
        )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _bad(run: Path, what: str) -> EvaluationError:
    return EvaluationError("bad_run", f"The run {run.name} cannot be summarised: {what}.", "Check the run's folder.")
