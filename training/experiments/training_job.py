"""Trains one network of an experiment."""

from dataclasses import replace
from pathlib import Path

from REACTKDLib.imaging.spec import PreprocessingSpec

from ..cohorts.manifest import Cohort, read_manifest
from ..cohorts.splits import Split, read_splits
from ..data.cache import Cache, open_cache
from ..data.normalisation import with_ct_constants
from ..dose.levels import LevelName
from ..engine.cases import Cases
from ..engine.external import add_external
from ..engine.jobs import Job
from ..engine.launch import launch
from ..engine.training import train_student, train_teacher
from ..evaluation.run_folder import DONE
from .config import Experiment
from .jobs import teacher_of
from .preparation import (
    CACHE,
    COHORT,
    EXTERNAL_CACHE,
    EXTERNAL_COHORT,
    SPLITS,
    cache_settings,
    external_cache_settings,
    tracers_of,
)


def run_job(experiment: Experiment, run: Path, job: Job, *, device: str = "auto", show: bool = True) -> None:
    """Trains or resumes a job of a prepared run, and writes its results. show: a progress bar.

    One that is trained, from before the run got its external cohort, predicts that one. Raises TrainingError,
    CohortError, MethodError, ModelError, EvaluationError.
    """
    fabric, cases, folder = launch(device), cases_of(experiment, run, job.fold), run / job.folder
    if (folder / DONE).exists():
        if fabric.global_rank == 0:
            add_external(folder, cases, fabric.device)
        fabric.barrier()
        return
    options = {"title": job.title, "show": show}
    if job.kind == "teacher":
        train_teacher(fabric, cases, experiment.teachers[job.name], job.seed, folder, **options)
        return
    teacher = teacher_of(experiment, job)
    taught_by = run / teacher.folder if teacher else None
    train_student(fabric, cases, experiment.students[job.name], taught_by, job.seed, folder, **options)


def cases_of(experiment: Experiment, run: Path, fold: int) -> Cases:
    """One fold of a prepared run and its external cohort, with the CT constants of the fold's training cases.

    Raises CohortError.
    """
    cohort = read_manifest(run / COHORT, allow_unlabelled=True)
    split = read_splits(run / SPLITS, cohort)[fold]
    cache = open_cache(cohort, run / CACHE, cache_settings(experiment))
    spec = with_ct_constants(experiment.preprocessing, cache, (*split.training, *split.unlabelled))
    external = None
    if experiment.external is not None:
        other = read_manifest(run / EXTERNAL_COHORT)
        others = open_cache(other, run / EXTERNAL_CACHE, external_cache_settings(experiment))
        names = tuple(case.name for case in other.cases)
        external = _cases(other, others, spec, experiment.external.dose_levels, Split((), (), names))
    return replace(_cases(cohort, cache, spec, experiment.dose_levels, split), external=external)


def _cases(cohort: Cohort, cache: Cache, spec: PreprocessingSpec, levels: tuple[LevelName, ...], split: Split) -> Cases:
    return Cases(
        cache=cache,
        spec=spec,
        grades={case.name: case.grade for case in cohort.cases},
        patients={case.name: case.patient for case in cohort.cases},
        tracers=tracers_of(cohort.cases),
        levels=levels,
        training=split.training,
        unlabelled=split.unlabelled,
        validation=split.validation,
        test=split.test,
    )
