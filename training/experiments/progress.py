"""How far a job is, from the epochs it has finished."""

from dataclasses import dataclass
from pathlib import Path

from ..engine.history import NAME as METRICS
from ..engine.history import read_history
from ..engine.jobs import Job
from ..engine.settings import Optimisation
from ..evaluation.entries import EXTERNAL
from ..evaluation.run_folder import DONE, has_predicted
from .config import Experiment
from .heartbeat import beginning_of, is_beating
from .record import FAILED


@dataclass(frozen=True)
class Progress:
    """state: done, running, failed, untested (trained before the run got its external cohort), stopped (some epochs
    done, by nobody now) or waiting.

    epoch: finished, of `epochs`. best_epoch, best_auc: by validation macro-AUC; None before the first.
    seconds_per_epoch: since the job was started, None where that cannot be told.
    """

    job: Job
    state: str
    epoch: int
    epochs: int
    best_epoch: int | None = None
    best_auc: float | None = None
    seconds_per_epoch: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """At most: training may stop early. None where it cannot be told."""
        if self.state != "running" or self.seconds_per_epoch is None:
            return None
        return self.seconds_per_epoch * (self.epochs - self.epoch)


def progress_of(experiment: Experiment, run: Path, job: Job) -> Progress:
    folder = run / job.folder
    rows = read_history(folder)
    best = max(rows, key=lambda row: (row["macro_auc"], -row["nll"]), default=None)
    return Progress(
        job,
        _state(experiment, folder, bool(rows)),
        len(rows),
        optimisation_of(experiment, job).epochs,
        None if best is None else int(best["epoch"]),
        None if best is None else best["macro_auc"],
        _seconds_per_epoch(folder, len(rows)),
    )


def optimisation_of(experiment: Experiment, job: Job) -> Optimisation:
    networks = experiment.teachers if job.kind == "teacher" else experiment.students
    return networks[job.name].optimisation


def is_done(experiment: Experiment, folder: Path) -> bool:
    """Whether a job is trained, and has predicted the external cohort where there is one."""
    return (folder / DONE).exists() and (experiment.external is None or has_predicted(folder, EXTERNAL))


def _state(experiment: Experiment, folder: Path, begun: bool) -> str:
    if is_done(experiment, folder):
        return "done"
    if is_beating(folder):
        return "running"
    if (folder / FAILED).exists():
        return "failed"
    if (folder / DONE).exists():
        return "untested"
    return "stopped" if begun else "waiting"


def _seconds_per_epoch(folder: Path, epoch: int) -> float | None:
    try:
        since, before = beginning_of(folder)
        return ((folder / METRICS).stat().st_mtime - since) / (epoch - before) if epoch > before else None
    except (OSError, ValueError, KeyError):
        return None
