"""One job in the process it was given to: trained, and what became of it kept in its folder."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from os import strerror
from pathlib import Path

import torch
from joblib import cpu_count

from REACTKDLib.imaging.errors import ReactKDError

from ..engine.history import read_history
from ..engine.jobs import Job
from ..engine.processes import is_first_process
from .config import Experiment
from .errors import ExperimentError
from .heartbeat import heartbeat, is_beating
from .progress import is_done
from .record import forget_failure, keep_failure

Train = Callable[..., None]
"""`run_job(experiment, run, job, device=..., show=...)`: trains or resumes a job; `done.json` is
written last. A job that has it predicts the external cohort."""
KILLED = {
    "code": "worker_killed",
    "message": "The system ended the process that trained it; memory may have run out.",
    "hint": "Use fewer jobs, smaller batches or more memory, and start again: it goes on from its checkpoint.",
}


@dataclass(frozen=True)
class Outcome:
    """seconds: that it took this time. error: code, message and hint, or None where the job is done."""

    job: Job
    seconds: float = 0.0
    error: dict[str, str] | None = None


@dataclass(frozen=True)
class Work:
    """How jobs are trained. threads: of torch in each process; its own choice if None."""

    train: Train
    experiment: Experiment
    run: Path
    device: str = "auto"
    show: bool = True
    threads: int | None = None

    def __call__(self, job: Job) -> Outcome:
        """Never raises for what is wrong with a job: one of them does not stop the others."""
        folder = self.run / job.folder
        if is_done(self.experiment, folder):
            return Outcome(job)
        if is_beating(folder):
            return Outcome(job, error=_BUSY)
        start = time.perf_counter()
        try:
            self._train(job)
        except Exception as error:
            return Outcome(job, time.perf_counter() - start, _in_words(error, job))
        return Outcome(job, time.perf_counter() - start)

    def train_together(self, job: Job) -> Outcome:
        """In each of torchrun's processes. Raises what the training raises: the others could not go on without it.

        What the system raises becomes ExperimentError not_written.
        """
        start = time.perf_counter()
        try:
            if is_first_process():
                self._train(job)
            else:
                self._call(job)
        except OSError as error:
            raise ExperimentError(**_in_words(error, job)) from error
        return Outcome(job, time.perf_counter() - start)

    def _train(self, job: Job) -> None:
        folder = self.run / job.folder
        folder.mkdir(parents=True, exist_ok=True)
        forget_failure(folder)
        try:
            with heartbeat(folder, len(read_history(folder))):
                self._call(job)
        except Exception as error:
            keep_failure(folder, _in_words(error, job))
            raise

    def _call(self, job: Job) -> None:
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        self.train(self.experiment, self.run, job, device=self.device, show=self.show)


def threads_of(jobs: int) -> int | None:
    """Of each of so many processes side by side, so that together they have a thread for every core."""
    return None if jobs == 1 else max(1, cpu_count() // jobs)


def _in_words(error: Exception, job: Job) -> dict[str, str]:
    if isinstance(error, ReactKDError):
        return error.to_dict()
    if isinstance(error, OSError):
        # The error's own text has the path of the file, and a path can hold a person's name.
        reason = strerror(error.errno) if error.errno else type(error).__name__
        return {
            "code": "not_written",
            "message": f"Files of {job.folder} could not be read or written: {reason}.",
            "hint": "Free some space, or check the folder, and start again: it goes on from its last whole epoch.",
        }
    return {"code": "internal", "message": f"{type(error).__name__}: {error}", "hint": "Please report this."}


_BUSY = {
    "code": "already_running",
    "message": "Another process is training it now.",
    "hint": "Wait for it, or end it, and start again.",
}
