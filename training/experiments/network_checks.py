"""Whether an experiment's networks fit their methods, each other and the cohort, found out before any is trained."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.imaging.spec import TRACERS
from REACTKDLib.networks.architecture import Architecture

from ..engine.architectures import readable_branches, student_architecture, teacher_architecture
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
    unknown_method); where there are several, ExperimentError bad_networks, which names them all. Where it is the cohort
    that they do not fit, the hint ends with what to add to the command to train all others.
    """
    unfit = _unfit(experiment, tracers)
    if not unfit:
        return
    words = [_in_words(place, error) for place, error in unfit.items()]
    hints = [*dict.fromkeys(error.hint for error in unfit.values()), *_remedy(experiment, tracers)]
    if len(unfit) == 1:
        (error,) = unfit.values()
        raise type(error)(error.code, words[0], " ".join(hints)) from error
    raise ExperimentError(
        "bad_networks",
        f"{len(unfit)} networks do not fit:\n" + "\n".join(f"  {one}" for one in words),
        "\n".join(hints),
    )


def _unfit(experiment: Experiment, tracers: Sequence[str]) -> dict[str, ReactKDError]:
    """What is wrong with each network that does not fit, by its place. Those of an unfit teacher are not looked at."""
    unfit: dict[str, ReactKDError] = {}
    teachers = {name: _checked(unfit, _teacher, experiment, name, tracers) for name in experiment.teachers}
    for name, settings in experiment.students.items():
        # Without its teacher there is nothing to say of a student.
        if settings.teacher is None or teachers[settings.teacher]:
            _checked(unfit, _check_student, experiment, name, teachers.get(settings.teacher), tracers)
    return unfit


def _checked(
    unfit: dict[str, ReactKDError], check: Callable[..., Any], experiment: Experiment, name: str, *rest: Any
) -> Any:
    """What the check returns, or None where it raises; then what is wrong is kept, with the place that it is in."""
    try:
        return check(experiment, name, *rest)
    except ReactKDError as error:
        unfit[f"{'teachers' if check is _teacher else 'students'}.{name}"] = error
        return None


def _in_words(place: str, error: ReactKDError) -> str:
    return error.message if place in error.message else f"{place}: {error.message}"


def _remedy(experiment: Experiment, tracers: Sequence[str]) -> tuple[str, ...]:
    """How to train all that this cohort can have; nothing where another cohort would not help, or nothing is left."""
    if _unfit(experiment, TRACERS):
        return ()
    of_cohort = {name: replace(settings, tracers=None) for name, settings in experiment.students.items()}
    unfit = _unfit(replace(experiment, students=of_cohort), tracers)
    teachers = [name for name in experiment.teachers if f"teachers.{name}" in unfit]
    students = experiment.students
    left_out = [name for name in students if f"students.{name}" in unfit or students[name].teacher in teachers]
    kept = [settings for name, settings in students.items() if name not in left_out]
    if not kept and len(teachers) == len(experiment.teachers):
        return ()
    changes = [f"--set teachers.{name}=null" for name in teachers]
    if any(set(settings.tracers or ()) - set(tracers) for settings in kept):
        changes.append("--set 'students.*.tracers=null'")
    if left_out:
        changes.append(f"--without {','.join(left_out)}")
    return (f"All that fits is trained with {' '.join(changes)}.",)


def _teacher(experiment: Experiment, name: str, tracers: Sequence[str]) -> Architecture:
    """With those of its branches only that have something to read in this cohort."""
    try:
        teacher = teacher_architecture(experiment.teachers[name], experiment.preprocessing)
    except ValueError as error:
        raise bad_setting(f"teachers.{name}", "these settings", str(error)) from error
    branches = readable_branches(teacher.branches, tracers)
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
