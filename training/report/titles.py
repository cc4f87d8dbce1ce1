"""What people read in figures instead of the names of jobs."""

from collections.abc import Iterable

from ..experiments.config import Experiment
from ..methods import method_class
from .tables import STUDENT, TEACHER


def titles(experiment: Experiment, jobs: Iterable[str]) -> dict[str, str]:
    """Of each job, no two alike: its method's title, the method's weight if it is not 1, and its own name where it is a
    variant of the method.

    A student is none where it is named as its method, or the only one of it.
    """
    methods = [settings.method for settings in experiment.students.values()]
    found = {}
    for job in jobs:
        name = job.removeprefix(STUDENT)
        if job.startswith(STUDENT) and name in experiment.students:
            settings = experiment.students[name]
            method, weight = settings.method, settings.method_weight
            title = method_class(method).title + ("" if weight == 1 else f" ×{weight:g}")
            found[job] = title if name == method or methods.count(method) == 1 else f"{title} ({name})"
        else:
            found[job] = f"Teacher ({job.removeprefix(TEACHER)})" if job.startswith(TEACHER) else job
    return found
