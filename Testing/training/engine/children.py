"""Trainings in processes of their own: to be killed, or to train one network together."""

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from training.engine import checkpoint, loop, results
from training.engine.cases import Cases
from training.engine.launch import launch
from training.engine.settings import StudentSettings, TeacherSettings
from training.engine.training import train_student, train_teacher

Moment = Literal["checkpoint", "history", "weights"]
"""With half a checkpoint written; between it and metrics.csv; between the predictions and the weights."""
ERROR = "error.txt"
SECONDS = 120


@dataclass(frozen=True)
class Training:
    """What is trained, and where. moment: when the process kills itself, in the second epoch or at the end.

    double: in float64 throughout.
    """

    cases: Cases
    settings: TeacherSettings | StudentSettings
    folder: Path
    teacher: Path | None = None
    moment: Moment | None = None
    double: bool = False

    def __call__(self) -> None:
        torch.set_num_threads(1)
        if self.double:
            _compute_in_double()
        if self.moment:
            _die_at(self.moment)
        fabric = launch("cpu")
        if isinstance(self.settings, TeacherSettings):
            train_teacher(fabric, self.cases, self.settings, 0, self.folder, title="teacher", show=False)
        else:
            train_student(fabric, self.cases, self.settings, self.teacher, 0, self.folder, title="student", show=False)


def start(training: Callable[[], None], environment: dict[str, str] | None = None) -> BaseProcess:
    """From a process that has imported everything once, and computed nothing."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "REACTKDLib.networks.teacher", "training.methods.react_kd"])
    process = context.Process(target=_run, args=(training, environment or {}))
    process.start()
    return process


def seconds_of(training: Training) -> float:
    """Trains, and says how long it took once everything was imported."""
    finish(start(_nothing))
    begin = time.perf_counter()
    if finish(start(training)):
        raise RuntimeError((training.folder / f"0-{ERROR}").read_text())
    return time.perf_counter() - begin


def _nothing() -> None:
    """What starts the process that imports."""


def finish(process: BaseProcess) -> int:
    """Its exit code."""
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        raise TimeoutError(f"a training took more than {SECONDS} s")
    return process.exitcode


def train_together(training: Training, processes: int = 2) -> list[int]:
    """One network by several processes, as torchrun starts them; returns their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "GROUP_RANK": "0",
        "TORCHELASTIC_RUN_ID": "none",
    }
    started = [start(training, {**common, "RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(processes)]
    try:
        return [finish(process) for process in started]
    finally:
        for process in started:
            process.kill()


def kill_after(process: BaseProcess, seconds: float) -> int:
    """As the system does when memory runs out; returns the exit code, 0 if it was done by then."""
    time.sleep(seconds)
    process.kill()
    return finish(process)


def _run(training: Training, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    try:
        training()
    except Exception as error:
        training.folder.mkdir(exist_ok=True)
        (training.folder / f"{os.environ.get('RANK', '0')}-{ERROR}").write_text(f"{type(error).__name__}: {error}")
        raise


def _compute_in_double() -> None:
    """AdamW divides a gradient by its own size: what rounds off one that is zero becomes a whole step."""
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    from_numpy = torch.from_numpy
    torch.from_numpy = lambda array: from_numpy(array.astype(np.float64) if array.dtype == np.float32 else array)


def _die_at(moment: Moment) -> None:
    comings = 0

    def instead_of(function: Callable) -> Callable:
        def dying(*arguments, **options):
            nonlocal comings
            comings += 1
            if moment == "weights" or comings == 2:
                if moment == "checkpoint":
                    content, file = arguments
                    function(content, file)
                    file.truncate(file.tell() // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return dying

    if moment == "checkpoint":
        checkpoint.torch.save = instead_of(torch.save)
    elif moment == "history":
        loop.write_history = instead_of(loop.write_history)
    else:
        results.save_file = instead_of(results.save_file)
