"""The networks that an experiment trains, in an order in which each finds its teacher."""

from ..engine.jobs import Job
from .config import Experiment


def jobs_of(experiment: Experiment) -> tuple[Job, ...]:
    """All teachers, then all students; a fold at a time within a seed."""
    folds = experiment.only_folds if experiment.only_folds is not None else range(experiment.folds)
    names = (("teacher", experiment.teachers), ("student", experiment.students))
    return tuple(
        Job(kind, name, fold, seed)
        for kind, settings in names
        for seed in experiment.seeds
        for fold in folds
        for name in settings
    )


def teacher_of(experiment: Experiment, job: Job) -> Job | None:
    """The teacher that has to be trained before."""
    if job.kind == "teacher" or (teacher := experiment.students[job.name].teacher) is None:
        return None
    return Job("teacher", teacher, job.fold, job.seed)
