"""Whether an experiment's networks fit their methods, each other and the cohort, found out before any is trained."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.networks.architecture import BRANCHES, Architecture

from ..engine.architectures import student_architecture, teacher_architecture
from ..engine.settings import StudentSettings
from ..methods import method_class
from .checks import bad_setting, require
from .config import Experiment
from .errors import ExperimentError
from .typed import Place, settings_from

NO_PET = "The cohort has no PET"
OTHER_COHORT = "Leave this network out, take a cohort that has what it reads"


def check_networks(experiment: Experiment, tracers: Sequence[str]) -> None:
    """Every teacher, and every student with its method and its teacher. tracers: of the cohort.

    Raises the error of the network that does not fit (ExperimentError bad_setting, MethodError, ReactKDError
    unknown_method); where there are several, ExperimentError bad_networks, which names them all.
    """
    unfit: dict[str, ReactKDError] = {}
    teachers = {name: _checked(unfit, _teacher, experiment, name, tracers) for name in experiment.teachers}
    for name, settings in experiment.students.items():
        # Without its teacher there is nothing to say of a student.
        if settings.teacher is None or teachers[settings.teacher]:
            _checked(unfit, _check_student, experiment, name, teachers.get(settings.teacher), tracers)
    if len(unfit) == 1:
        ((words, error),) = unfit.items()
        raise type(error)(error.code, words, error.hint) from error
    if unfit:
        raise ExperimentError(
            "bad_networks",
            f"{len(unfit)} networks do not fit:\n" + "\n".join(f"  {words}" for words in unfit),
            "\n".join(dict.fromkeys(error.hint for error in unfit.values())),
        )


def _checked(
    unfit: dict[str, ReactKDError], check: Callable[..., Any], experiment: Experiment, name: str, *rest: Any
) -> Any:
    """What the check returns, or None where it raises; then what is wrong is kept, with the place that it is in."""
    try:
        return check(experiment, name, *rest)
    except ReactKDError as error:
        place = f"{'teachers' if check is _teacher else 'students'}.{name}"
        unfit[error.message if place in error.message else f"{place}: {error.message}"] = error
        return None


def _teacher(experiment: Experiment, name: str, tracers: Sequence[str]) -> Architecture:
    """With those of its branches only that have something to read in this cohort."""
    try:
        teacher = teacher_architecture(experiment.teachers[name], experiment.preprocessing)
    except ValueError as error:
        raise bad_setting(f"teachers.{name}", "these settings", str(error)) from error
    # All cases have a CT, and so something for the stream of any dose.
    branches = tuple(branch for branch in teacher.branches if {"dose", *tracers} & set(BRANCHES[branch]))
    words = f"{NO_PET}, which is what that branch reads. {OTHER_COHORT}, or give it the branch dose"
    require(branches, f"teachers.{name}.branches", ", ".join(teacher.branches), words)
    return replace(teacher, branches=branches)


def _check_student(experiment: Experiment, name: str, teacher: Architecture | None, tracers: Sequence[str]) -> None:
    settings, place = experiment.students[name], f"students.{name}"
    absent = [tracer for tracer in settings.tracers or () if tracer not in tracers]
    has = f"The cohort has {' and '.join(tracers)} only" if tracers else NO_PET
    words = f"{has}. {OTHER_COHORT}, or set its tracers to null for those of the cohort"
    require(not absent, f"{place}.tracers", ", ".join(absent), words)
    try:
        student = student_architecture(settings, experiment.preprocessing, tracers)
    except ValueError as error:
        raise bad_setting(place, "these settings", str(error)) from error
    method = method_class(settings.method)
    method.check(student, teacher)
    settings_from(settings.options, method.Options(), Place(f"{place}.options"))
    _check_shared_cbam(settings, student, teacher, place)


def _check_shared_cbam(
    settings: StudentSettings, student: Architecture, teacher: Architecture | None, place: str
) -> None:
    if settings.cbam != "shared" or teacher is None:
        return
    require(teacher.cbam, f"{place}.cbam", "'shared'", f"Its teacher {settings.teacher} has none: use own, or none")
    same = student.width == teacher.width
    words = f"To share the CBAM3D it has to be that of the teacher {settings.teacher}, {teacher.width}"
    require(same, f"{place}.width", str(student.width), words)
