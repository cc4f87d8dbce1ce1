"""From an experiment to a folder of trained networks; started again, it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.jobs import Job
from ..engine.processes import is_first_process, process_count, wait_for_first
from ..evaluation.run_folder import DONE
from .cohort_notes import cohort_notes
from .config import Experiment
from .errors import ExperimentError
from .jobs import jobs_of, teacher_of
from .pools import Backend, open_pool
from .preparation import Prepared, prepare, tracers_of
from .progress import is_done, progress_of
from .work import Outcome, Train, Work, threads_of


@dataclass
class Report:
    """What did not become done: failed jobs, and students whose teacher is not there."""

    failed: list[Outcome] = field(default_factory=list)
    skipped: list[Job] = field(default_factory=list)

    @property
    def all_done(self) -> bool:
        return not self.failed and not self.skipped


def run_experiment(
    experiment: Experiment,
    run: Path,
    *,
    jobs: int = 1,
    backend: Backend = "local",
    device: str = "auto",
    train: Train | None = None,
) -> Report:
    """Prepares the run's folder and trains what is missing, teachers before their students.

    What is trained and has not met the run's external cohort yet predicts it.

    jobs: processes side by side. train: `training_job.run_job` if not given. Under torchrun the first process prepares,
    then all train each job together, one after the other. Raises what `prepare` raises, and ExperimentError.
    """
    if jobs < 1:
        raise ExperimentError("bad_jobs", f"--jobs cannot be {jobs}.", "Give 1 or more.")
    if process_count() > 1 and (jobs > 1 or backend != "local"):
        raise ExperimentError("bad_jobs", "Under torchrun jobs run one at a time.", "Leave out --jobs and --backend.")
    if backend == "ray" and jobs < 2:
        raise ExperimentError("ray_jobs", "Ray runs several jobs side by side.", "Add --jobs 2, or more.")
    run = run.resolve()
    if is_first_process():
        prepared = prepare(experiment, run, jobs)
    wait_for_first()
    # No process makes a job done before all others have joined it, and so have seen the same jobs to do.
    todo = [job for job in jobs_of(experiment) if not is_done(experiment, run / job.folder)]
    if is_first_process():
        _announce(experiment, run, todo, prepared)
    work = Work(train or _run_job(), experiment, run, device, show=jobs == 1, threads=threads_of(jobs))
    if process_count() > 1:
        for number, job in enumerate(todo, start=1):
            outcome = work.train_together(job)
            if is_first_process():
                print(f"{_said(outcome, work)}; {len(todo) - number} left", flush=True)
        return Report()
    return _train_all(todo, work, jobs, backend)


def _run_job() -> Train:
    from .training_job import run_job

    return run_job


def _train_all(todo: Sequence[Job], work: Work, jobs: int, backend: Backend) -> Report:
    """A student starts as soon as its teacher is done, whatever other teachers do."""
    report = Report()
    waiting, running = list(todo), set[Job]()
    with open_pool(work, jobs, backend) as pool:
        while waiting or running:
            for job in list(waiting):
                teacher = teacher_of(work.experiment, job)
                if len(running) == jobs or teacher in waiting or teacher in running:
                    continue
                waiting.remove(job)
                if teacher is None or (work.run / teacher.folder / DONE).exists():
                    pool.submit(job)
                    running.add(job)
                else:
                    report.skipped.append(job)
                    print(f"{job.title}: skipped, since {teacher.title} is not done", flush=True)
            if not running:
                continue
            for outcome in pool.finished():
                running.remove(outcome.job)
                if outcome.error:
                    report.failed.append(outcome)
                print(f"{_said(outcome, work)}; {len(waiting) + len(running)} left", flush=True)
    return report


def _said(outcome: Outcome, work: Work) -> str:
    job, minutes = outcome.job, outcome.seconds / 60
    if outcome.error:
        return f"{job.title}: failed after {minutes:.1f} min, {outcome.error['code']}"
    progress = progress_of(work.experiment, work.run, job)
    best = "no epoch" if progress.best_auc is None else f"epoch {progress.best_epoch}, AUC {progress.best_auc:.3f}"
    return f"{job.title}: done, best {best}, {minutes:.1f} min"


def _announce(experiment: Experiment, run: Path, todo: Sequence[Job], prepared: Prepared) -> None:
    external = f"to test on: {_counted(prepared.external)}\n" if prepared.external else ""
    trained = sum((run / job.folder / DONE).exists() for job in todo)
    untested = f", {trained} to test on the external cohort" if trained else ""
    everything = jobs_of(experiment)
    folds = f"{len({job.fold for job in everything})} of {experiment.folds} folds"
    notes = "".join(f"{note}\n" for note in cohort_notes(experiment, tracers_of(prepared.cohort.cases)))
    print(
        f"{run.name}: {_counted(prepared)}\n{external}"
        f"teachers: {', '.join(experiment.teachers) or 'none'}; students: {', '.join(experiment.students) or 'none'}; "
        f"{folds}; seeds {', '.join(map(str, experiment.seeds))}\n{notes}"
        f"{len(everything)} jobs, {len(everything) - len(todo)} done already, {len(todo) - trained} to train{untested}",
        flush=True,
    )


def _counted(prepared: Prepared) -> str:
    cases = prepared.cohort.cases
    grades = [case.grade for case in cases]
    counts = ", ".join(str(grades.count(grade)) for grade in range(3))
    unlabelled = f", {grades.count(None)} without a grade" if None in grades else ""
    patients = len({case.patient for case in cases})
    cases = f"{len(cases)} cases of {patients} patients (grades 0, 1, 2: {counts}{unlabelled})"
    return f"{cases}; cache {prepared.cache.bytes / 1e6:.0f} MB"
