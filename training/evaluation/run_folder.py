"""The finished jobs of a run, fold by fold and seed by seed."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from .calibration import validation_temperature
from .entries import EXTERNAL, TEST, UNKNOWN, VALIDATION, Entry, EntryPredictions, RunPredictions, listed
from .errors import EvaluationError
from .predictions import Predictions, read_predictions

CONFIG, FOLDS, SPLITS = "config.yaml", "folds.json", "splits.json"
PREDICTIONS, DONE = "predictions.csv", "done.json"
"""Files of a run and of its jobs. The last is written last: a job without it has not finished."""
KINDS = ("teacher", "student")
"""Of jobs: `teachers` and `students` of the configuration, by name."""


@dataclass(frozen=True)
class _Job:
    fold: int
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True)
class _Asked:
    """What a run's configuration asks for. jobs: by name. jobs, seeds: none where it does not say."""

    folds: tuple[int, ...]
    jobs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()


def read_run(run: Path | str, split: str = "test") -> RunPredictions:
    """All finished predictions of a run for one split: test, external or validation.

    Test and external cases have the temperature of their network's validation cases, as an exported network has; where
    one of the networks has none of its own, all logits are as they were trained. Of the folds that the run's
    configuration asks for. A job that it asks for, or that was begun, and that has not finished anywhere is there too,
    without inputs and dose. Raises EvaluationError: bad_run, bad_predictions, not_held_out where a job predicts a case
    that it may have learnt from.
    """
    run = Path(run)
    held_out = _held_out(run)
    learnt = _learnt(run, held_out)
    asked = _asked(run, len(held_out))
    folds = asked.folds
    entries: dict[Entry, EntryPredictions] = {}
    begun = list(_jobs(run))
    if strange := [job.fold for job in begun if job.fold >= len(held_out)]:
        raise _bad(run, f"it has {len(held_out)} folds, and a job in fold {strange[0]}")
    jobs = [job for job in begun if job.fold in folds]
    whole = {job: read_predictions(job.folder / PREDICTIONS) for job in jobs if (job.folder / DONE).is_file()}
    temperatures = _temperatures(whole) if split != VALIDATION else {}
    for job, of_job in whole.items():
        for entry, predictions in _of_split(job, of_job, split, temperatures.get(job, 1.0)):
            _check_not_learnt(entry, predictions, held_out, job.fold, split)
            of_entry = entries.setdefault(entry, EntryPredictions(entry, folds, {}, split == EXTERNAL))
            of_entry.by_seed.setdefault(job.seed, {})[job.fold] = predictions
    if split != EXTERNAL:
        _add_empty_folds(entries)
    if not entries:
        raise _bad(run, f"no finished job has predictions of the split '{split}'")
    for name in {*asked.jobs, *(job.name for job in jobs)} - {entry.job for entry in entries}:
        entry = Entry(name, *UNKNOWN)
        entries[entry] = EntryPredictions(entry, folds, {}, split == EXTERNAL)
    seeds = tuple(sorted({*asked.seeds, *(job.seed for job in jobs)}))
    return RunPredictions(split, held_out, learnt, folds, seeds, dict(sorted(entries.items())), bool(temperatures))


def has_predicted(job: Path, split: str) -> bool:
    """Whether a job's folder has whole predictions, some of them of this split."""
    try:
        return split in read_predictions(job / PREDICTIONS).split
    except EvaluationError:
        return False


def _held_out(run: Path) -> tuple[tuple[str, ...], ...]:
    try:
        return tuple(map(tuple, json.loads((run / FOLDS).read_text(encoding="utf-8"))["validation"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _bad(run, f"{FOLDS} cannot be read ({error})") from error


def _learnt(run: Path, held_out: tuple[tuple[str, ...], ...]) -> tuple[int, ...]:
    """By the run's splits, which set validation cases apart; without them, all that a fold does not hold out."""
    if not (run / SPLITS).exists():
        return tuple(sum(map(len, held_out)) - len(names) for names in held_out)
    try:
        folds = json.loads((run / SPLITS).read_text(encoding="utf-8"))["folds"]
        learnt = tuple(len(fold["training"]) for fold in folds)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _bad(run, f"{SPLITS} cannot be read ({error})") from error
    if len(learnt) != len(held_out) or 0 in learnt:
        raise _bad(run, f"it has {len(held_out)} folds, and its {SPLITS} says nothing of some of them")
    return learnt


def _asked(run: Path, count: int) -> _Asked:
    """Of the run's configuration; all folds where it does not choose among them."""
    if not (run / CONFIG).exists():
        return _Asked(tuple(range(count)))
    try:
        tree = yaml.safe_load((run / CONFIG).read_text(encoding="utf-8"))
        only = tree.get("only_folds")
        folds = tuple(range(count)) if only is None else tuple(sorted(map(int, only)))
        jobs = tuple(f"{kind}-{name}" for kind in KINDS for name in tree.get(f"{kind}s") or ())
        seeds = tuple(map(int, tree.get("seeds") or ()))
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise _bad(run, f"{CONFIG} cannot be read ({error})") from error
    if not folds or not set(folds) <= set(range(count)):
        raise _bad(run, f"it has {count} folds, and its {CONFIG} asks for {listed(folds) or 'none'}")
    return _Asked(folds, jobs, seeds)


def _jobs(run: Path) -> Iterator[_Job]:
    """Begun or finished."""
    for folder in sorted(path for path in run.glob("fold*/seed*/*") if path.is_dir()):
        if numbers := re.fullmatch(r"fold(\d+)/seed(\d+)", folder.parent.relative_to(run).as_posix()):
            yield _Job(int(numbers[1]), int(numbers[2]), folder)


def _temperatures(whole: Mapping[_Job, Predictions]) -> dict[_Job, float]:
    """Of each network, by its validation cases; none where those of some lack a grade, or are its test cases."""
    found = {}
    for job, predictions in whole.items():
        validation = set(predictions.select(split=VALIDATION).cases)
        if not validation or validation & set(predictions.select(split=TEST).cases):
            return {}
        try:
            found[job] = validation_temperature([predictions])
        except EvaluationError:
            return {}
    return found


def _of_split(
    job: _Job, predictions: Predictions, split: str, temperature: float
) -> Iterator[tuple[Entry, Predictions]]:
    """Predictions by inputs and dose, divided by the temperature."""
    part = predictions.select(split=split)
    part = replace(part, logits=part.logits / temperature)
    for inputs, dose in sorted(set(zip(part.inputs, part.dose, strict=True))):
        yield Entry(job.name, str(inputs), str(dose)), part.select(inputs=inputs, dose=dose).ordered()


def _add_empty_folds(entries: dict[Entry, EntryPredictions]) -> None:
    """Where none of a fold's cases has an entry's inputs, its network was tested all the same: on no case."""
    tested: dict[str, set[tuple[int, int]]] = {}
    for entry, found in entries.items():
        of_job = ((seed, fold) for seed, folds in found.by_seed.items() for fold in folds)
        tested.setdefault(entry.job, set()).update(of_job)
    for entry, found in entries.items():
        some = next(part for folds in found.by_seed.values() for part in folds.values())
        for seed, fold in tested[entry.job]:
            found.by_seed.setdefault(seed, {}).setdefault(fold, some.select(split=""))


def _check_not_learnt(
    entry: Entry, predictions: Predictions, held_out: tuple[tuple[str, ...], ...], fold: int, split: str
) -> None:
    """Validation cases are not learnt from either, but are nowhere kept with the folds."""
    own = {name for names in held_out for name in names}
    if split == EXTERNAL:
        learnt, what = set(predictions.cases) & own, "cases of its own cohort"
    elif split == TEST:
        learnt, what = set(predictions.cases) - set(held_out[fold]), "cases that it does not hold out"
    else:
        return
    if learnt:
        raise EvaluationError(
            "not_held_out",
            f"{entry} in fold {fold} predicts {len(learnt)} {what}, such as {min(learnt)}.",
            "Its network may have learnt from them; run the job again with this run's folds.",
        )


def _bad(run: Path, what: str) -> EvaluationError:
    return EvaluationError("bad_run", f"The run {run.name} cannot be summarised: {what}.", "Check the run's folder.")
