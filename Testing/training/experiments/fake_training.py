"""What stands in for the training of a network: it takes no time, and can fail or be killed."""

import json
import os
import signal
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

    interrupted: during which someone presses Ctrl-C.
    """

    fails: tuple[Job, ...] = ()
    breaks: tuple[Job, ...] = ()
    killed: tuple[Job, ...] = ()
    interrupted: tuple[Job, ...] = ()

    def __call__(self, experiment: Experiment, run: Path, job: Job, *, device: str, show: bool) -> None:
        with (run / BEGUN).open("a") as file:
            file.write(f"{job.folder}\n")
        teacher = teacher_of(experiment, job)
        if teacher is not None and not (run / teacher.folder / DONE).exists():
            raise AssertionError(f"{job.title} has begun before its teacher")
        if job in self.interrupted:
            raise KeyboardInterrupt
        if job in self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if job in self.fails:
            raise TrainingError("loss_not_finite", "The loss is not finite.", "Use fp32.")
        if job in self.breaks:
            raise RuntimeError("out of cheese")
        (run / job.folder / "metrics.csv").write_text(METRICS)
        (run / job.folder / DONE).write_text(json.dumps({"fake": True}))


def begun(run: Path) -> list[str]:
    """Folders of the jobs whose training was begun, in that order."""
    path = run / BEGUN
    return path.read_text().split() if path.exists() else []
