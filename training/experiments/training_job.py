"""Trains one network of an experiment."""

from dataclasses import replace
from pathlib import Path

from ..cohorts.manifest import read_manifest
from ..cohorts.splits import read_splits
from ..data.cache import open_cache
from ..data.normalisation import ct_constants
from ..engine.cases import Cases
from ..engine.jobs import Job
from ..engine.launch import launch
from ..engine.training import train_student, train_teacher
from .config import Experiment
from .jobs import teacher_of
from .preparation import CACHE, COHORT, SPLITS, cache_settings, tracers_of


def run_job(experiment: Experiment, run: Path, job: Job, *, device: str = "auto", show: bool = True) -> None:
    """Trains or resumes a job of a prepared run, and writes its results. show: a progress bar.

    Raises TrainingError, CohortError, MethodError, ModelError.
    """
    fabric, cases, folder = launch(device), cases_of(experiment, run, job.fold), run / job.folder
    options = {"title": job.title, "show": show}
    if job.kind == "teacher":
        train_teacher(fabric, cases, experiment.teachers[job.name], job.seed, folder, **options)
        return
    teacher = teacher_of(experiment, job)
    taught_by = run / teacher.folder if teacher else None
    train_student(fabric, cases, experiment.students[job.name], taught_by, job.seed, folder, **options)


def cases_of(experiment: Experiment, run: Path, fold: int) -> Cases:
    """One fold of a prepared run, with the CT constants of its training cases. Raises CohortError."""
    cohort = read_manifest(run / COHORT, allow_unlabelled=True)
    split = read_splits(run / SPLITS, cohort)[fold]
    cache = open_cache(cohort, run / CACHE, cache_settings(experiment))
    mean, std = ct_constants(cache, (*split.training, *split.unlabelled))
    return Cases(
        cache=cache,
        spec=replace(experiment.preprocessing, ct_mean=mean, ct_std=std),
        grades={case.name: case.grade for case in cohort.cases},
        patients={case.name: case.patient for case in cohort.cases},
        tracers=tracers_of(cohort),
        levels=experiment.dose_levels,
        training=split.training,
        unlabelled=split.unlabelled,
        validation=split.validation,
        test=split.test,
    )
