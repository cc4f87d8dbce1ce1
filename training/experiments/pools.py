"""Where jobs are trained: in this process, in processes of this machine, or on a Ray cluster."""

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from ..engine.jobs import Job
from .errors import ExperimentError
from .heartbeat import was_left
from .record import keep_failure
from .work import KILLED, Outcome, Work

Backend = Literal["local", "ray"]


class Pool(Protocol):
    """Trains the jobs it is given. A process that the system ends takes down one job only."""

    def submit(self, job: Job) -> None: ...

    def finished(self) -> list[Outcome]:
        """Waits until at least one job is. Raises ExperimentError ray_lost."""


@contextmanager
def open_pool(work: Work, processes: int, backend: Backend = "local") -> Iterator[Pool]:
    """Left with an exception, Ctrl-C among them, it ends the processes. Raises ExperimentError no_ray."""
    if backend == "ray":
        yield _OnRay(work, processes)
    elif processes == 1:
        yield _InThisProcess(work)
    else:
        pool = _OnThisMachine(work, processes)
        try:
            yield pool
        finally:
            pool.close()


class _InThisProcess:
    def __init__(self, work: Work):
        self._work = work
        self._jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def finished(self) -> list[Outcome]:
        return [self._work(self._jobs.pop(0))]


class _OnThisMachine:
    def __init__(self, work: Work, processes: int):
        self._work = work
        self._processes = processes
        self._executor = ProcessPoolExecutor(processes)
        self._running: dict[Future, Job] = {}

    def submit(self, job: Job) -> None:
        self._running[self._executor.submit(self._work, job)] = job

    def finished(self) -> list[Outcome]:
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        try:
            outcomes = [future.result() for future in done]
        except TerminatedWorkerError:
            return self._sorted_out()
        for future in done:
            del self._running[future]
        return outcomes

    def close(self) -> None:
        self._executor.shutdown(wait=not self._running, kill_workers=True)

    def _sorted_out(self) -> list[Outcome]:
        """All processes are gone, whoever was meant: jobs that were at work go on one at a time, the others again."""
        wait(self._running)
        outcomes = [future.result() for future in self._running if future.exception() is None]
        jobs = [job for future, job in self._running.items() if future.exception() is not None]
        self._renew()
        suspects = [job for job in jobs if was_left(self._work.run / job.folder)] or jobs[:1]
        for job in suspects:
            try:
                outcomes.append(self._executor.submit(self._work, job).result())
            except TerminatedWorkerError:
                keep_failure(self._work.run / job.folder, KILLED)
                outcomes.append(Outcome(job, error=KILLED))
                self._renew()
        for job in jobs:
            if job not in suspects:
                self.submit(job)
        return outcomes

    def _renew(self) -> None:
        self._executor.shutdown(kill_workers=True)
        self._executor = ProcessPoolExecutor(self._processes)
        self._running = {}


class _OnRay:
    """The cluster that RAY_ADDRESS names, else this machine; its GPUs are shared out among the processes."""

    def __init__(self, work: Work, processes: int):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
        try:
            import ray
        except ImportError as error:
            raise ExperimentError("no_ray", "Ray is not installed.", "pip install 'reactkd[cluster]'") from error
        if not ray.is_initialized():
            local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": processes, "include_dashboard": False}
            ray.init(**local, log_to_driver=False, configure_logging=False)
        share = min(1.0, ray.cluster_resources().get("GPU", 0) / processes)
        self._ray = ray
        self._train = ray.remote(num_cpus=1, num_gpus=share, max_retries=0)(_call).remote
        self._work = work
        self._shared = ray.put(work)
        self._running: dict[Any, Job] = {}

    def submit(self, job: Job) -> None:
        self._running[self._train(self._shared, job)] = job

    def finished(self) -> list[Outcome]:
        done, _ = self._ray.wait(list(self._running))
        return [self._outcome(reference, self._running.pop(reference)) for reference in done]

    def _outcome(self, reference: Any, job: Job) -> Outcome:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError, errors.ObjectLostError):
            keep_failure(self._work.run / job.folder, KILLED)
            return Outcome(job, error=KILLED)
        except errors.RayError as error:
            raise ExperimentError(
                "ray_lost",
                f"The cluster is lost, or its processes cannot work ({type(error).__name__}).",
                "Start again: what is done is kept, and the others go on from their checkpoints.",
            ) from error


def _call(work: Work, job: Job) -> Outcome:
    return work(job)
