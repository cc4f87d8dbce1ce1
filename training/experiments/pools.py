"""Jobs side by side: joblib's processes on one machine, or Ray's on a cluster."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ..engine.jobs import Job
from .errors import ExperimentError
from .heartbeat import was_left
from .record import keep_failure
from .work import KILLED, Outcome, Work

Backend = Literal["local", "ray"]


def run_side_by_side(jobs: Sequence[Job], work: Work, processes: int, backend: Backend = "local") -> Iterator[Outcome]:
    """Outcomes as they come; from Ray, all at the end. A process that the system ends takes down one job only.

    Raises ExperimentError: no_ray, ray_lost.
    """
    if backend == "ray":
        yield from _on_ray(jobs, work, processes)
    elif processes == 1:
        yield from map(work, jobs)
    else:
        yield from _on_this_machine(jobs, work, processes)


def _on_this_machine(jobs: Sequence[Job], work: Work, processes: int) -> Iterator[Outcome]:
    pending = list(jobs)
    while pending:
        try:
            for outcome in _parallel(pending, work, processes):
                pending.remove(outcome.job)
                yield outcome
        except TerminatedWorkerError:
            # All processes of the pool are gone, whoever was meant: those that were at work go on, one at a time.
            suspects = [job for job in pending if was_left(work.run / job.folder)] or pending[:1]
            for job in suspects:
                pending.remove(job)
                yield _alone(job, work)


def _parallel(
    jobs: Sequence[Job], work: Work, processes: int, return_as: str = "generator_unordered"
) -> Iterable[Outcome]:
    parallel = Parallel(processes, batch_size=1, pre_dispatch="n_jobs", return_as=return_as)
    return parallel(delayed(work)(job) for job in jobs)


def _alone(job: Job, work: Work) -> Outcome:
    try:
        # Two processes, one without work: joblib would run a single one within this process.
        (outcome,) = _parallel([job], work, 2)
    except TerminatedWorkerError:
        keep_failure(work.run / job.folder, KILLED)
        return Outcome(job, error=KILLED)
    return outcome


def _on_ray(jobs: Sequence[Job], work: Work, processes: int) -> Iterator[Outcome]:
    with _ray(processes):
        import ray

        try:
            yield from _parallel(jobs, work, processes, "list")  # joblib gets no generator from Ray
        except ray.exceptions.RayError as error:
            raise ExperimentError(
                "ray_lost",
                f"The cluster lost a process ({type(error).__name__}); memory may have run out.",
                "Start again: what is done is kept, and the others go on from their checkpoints.",
            ) from error


def _ray(processes: int) -> AbstractContextManager:
    """The cluster that RAY_ADDRESS names, else this machine; its GPUs are shared out among the processes."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise ExperimentError("no_ray", "Ray is not installed.", "pip install 'reactkd[cluster]'") from error
    if not ray.is_initialized():
        local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": processes, "include_dashboard": False}
        ray.init(**local, log_to_driver=False, configure_logging=False)
    register_ray()
    share = min(1.0, ray.cluster_resources().get("GPU", 0) / processes)
    return parallel_config("ray", n_jobs=processes, ray_remote_args={"num_gpus": share} if share else {})
