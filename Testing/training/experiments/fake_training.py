"""What stands in for the training of a network: it takes no time, and can fail or be killed."""

import errno
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.engine.errors import TrainingError
from training.engine.jobs import Job
from training.evaluation.run_folder import DONE
from training.experiments.config import Experiment
from training.experiments.jobs import teacher_of

BEGUN = "begun.log"
METRICS = "epoch,loss,macro_auc,nll\n1,1.5,0.5,1.1\n2,1.2,0.75,1.0\n3,1.1,0.75,1.2\n"


@dataclass(frozen=True)
class FakeTraining:
    """fails: jobs with an error of ours. breaks: with another. killed: whose process the system ends.

    full: for whose files the disk has no room. interrupted: during which someone presses Ctrl-C. waits: a job that goes
    on when another has begun.
    """

    fails: tuple[Job, ...] = ()
    breaks: tuple[Job, ...] = ()
    killed: tuple[Job, ...] = ()
    full: tuple[Job, ...] = ()
    interrupted: tuple[Job, ...] = ()
    waits: tuple[Job, Job] | None = None

    def __call__(self, experiment: Experiment, run: Path, job: Job, *, device: str, show: bool) -> None:
        with (run / BEGUN).open("a") as file:
            file.write(f"{job.folder}\n")
        teacher = teacher_of(experiment, job)
        if teacher is not None and not (run / teacher.folder / DONE).exists():
            raise AssertionError(f"{job.title} has begun before its teacher")
        if self.waits and job == self.waits[0]:
            _wait_for(lambda: str(self.waits[1].folder) in begun(run))
        if job in self.interrupted:
            raise KeyboardInterrupt
        if job in self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if job in self.fails:
            raise TrainingError("loss_not_finite", "The loss is not finite.", "Use fp32.")
        if job in self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(run / job.folder / "metrics.csv"))
        if job in self.breaks:
            raise RuntimeError("out of cheese")
        (run / job.folder / "metrics.csv").write_text(METRICS)
        (run / job.folder / DONE).write_text(json.dumps({"fake": True}))


def _wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds:.0f} s")
        time.sleep(0.02)


def begun(run: Path) -> list[str]:
    """Folders of the jobs whose training was begun, in that order."""
    path = run / BEGUN
    return path.read_text().split() if path.exists() else []
