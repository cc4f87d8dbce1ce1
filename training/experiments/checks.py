"""Whether an experiment can be trained at all, found out before anything is."""

import re
from collections.abc import Sequence
from dataclasses import fields

from REACTKDLib.networks.architecture import Architecture

from ..engine.architectures import student_architecture, teacher_architecture
from ..engine.settings import Optimisation, StudentSettings
from ..methods import method_class
from .config import Experiment
from .errors import ExperimentError
from .jobs import jobs_of
from .typed import Place, settings_from

NAME = re.compile(r"[A-Za-z0-9][\w-]*")
"""It becomes a folder's."""


def check_settings(experiment: Experiment) -> None:
    """Everything that no cohort is needed for. Raises ExperimentError bad_setting, and what methods raise."""
    _check_cohort(experiment)
    _check_folds(experiment)
    for kind, networks in (("teachers", experiment.teachers), ("students", experiment.students)):
        for name, settings in networks.items():
            _require(NAME.fullmatch(name), f"{kind}.{name}", "the name", "Use letters, digits, '_' and '-'")
            _check_optimisation(settings.optimisation, f"{kind}.{name}.optimisation")
    for name, settings in experiment.students.items():
        _require(
            settings.teacher is None or settings.teacher in experiment.teachers,
            f"students.{name}.teacher",
            f"'{settings.teacher}'",
            f"The experiment has the teachers: {', '.join(experiment.teachers) or 'none'}",
        )
    _require(jobs_of(experiment), "teachers, students", "none of either", "Name at least one network")


def check_networks(experiment: Experiment, tracers: Sequence[str]) -> None:
    """Every student with its method and its teacher. tracers: of the cohort.

    Raises ExperimentError bad_setting, MethodError, and ReactKDError unknown_method.
    """
    teachers = {name: _teacher(experiment, name) for name in experiment.teachers}
    for name, settings in experiment.students.items():
        place = f"students.{name}"
        absent = [tracer for tracer in settings.tracers or () if tracer not in tracers]
        words = f"The cohort has {' and '.join(tracers) or 'no PET'}"
        _require(not absent, f"{place}.tracers", ", ".join(absent), words)
        try:
            student = student_architecture(settings, experiment.preprocessing, tracers)
        except ValueError as error:
            raise _bad(place, "these settings", str(error)) from error
        teacher = None if settings.teacher is None else teachers[settings.teacher]
        method = method_class(settings.method)
        method.check(student, teacher)
        settings_from(settings.options, method.Options(), Place(f"{place}.options"))
        _check_shared_cbam(settings, student, teacher, place)


def _check_cohort(experiment: Experiment) -> None:
    both = (experiment.cohort is None) == (experiment.phantoms is None)
    if both:
        raise ExperimentError(
            "no_cohort",
            f"The experiment has {'no cohort' if experiment.cohort is None else 'both a manifest and phantoms'}.",
            "Give one of them: a manifest with --cohort FILE, or phantoms in the configuration.",
        )
    if experiment.phantoms is not None:
        _require(experiment.phantoms.count > 0, "phantoms.count", str(experiment.phantoms.count), "Ask for some")


def _check_folds(experiment: Experiment) -> None:
    count, only, share = experiment.folds, experiment.only_folds, experiment.validation_share
    _require(count >= 2, "folds", str(count), "Cross-validation needs two or more")
    if only is not None:
        inside = set(only) <= set(range(count)) and len(set(only)) == len(only) > 0
        _require(inside, "only_folds", str(list(only)), f"Give some of 0 to {count - 1}, each once")
    _require(0 <= share < 1, "validation_share", str(share), "Give a share from 0, and below 1")
    seeds = experiment.seeds
    distinct = seeds and len(set(seeds)) == len(seeds) and min(seeds) >= 0
    _require(distinct, "seeds", str(list(seeds)), "Give one or more, each once, none below 0")


def _check_optimisation(settings: Optimisation, place: str) -> None:
    above_zero = ("epochs", "batch_size", "accumulate", "learning_rate", "clip_norm")
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name in above_zero or (field.name == "patience" and value is not None):
            _require(value > 0, f"{place}.{field.name}", str(value), "It has to be above 0")
    _require(0 <= settings.warmup <= 1, f"{place}.warmup", str(settings.warmup), "Give a share from 0 to 1")


def _teacher(experiment: Experiment, name: str) -> Architecture:
    try:
        return teacher_architecture(experiment.teachers[name], experiment.preprocessing)
    except ValueError as error:
        raise _bad(f"teachers.{name}", "these settings", str(error)) from error


def _check_shared_cbam(
    settings: StudentSettings, student: Architecture, teacher: Architecture | None, place: str
) -> None:
    if settings.cbam != "shared" or teacher is None:
        return
    _require(teacher.cbam, f"{place}.cbam", "'shared'", f"Its teacher {settings.teacher} has none: use own, or none")
    same = student.width == teacher.width
    words = f"To share the CBAM3D it has to be that of the teacher {settings.teacher}, {teacher.width}"
    _require(same, f"{place}.width", str(student.width), words)


def _require(condition: object, place: str, value: str, hint: str) -> None:
    if not condition:
        raise _bad(place, value, hint)


def _bad(place: str, value: str, hint: str) -> ExperimentError:
    return ExperimentError("bad_setting", f"{place} cannot be {value}.", f"{hint}.")
