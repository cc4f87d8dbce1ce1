"""Whether an experiment's settings fit together, found out before anything is trained."""

import re
from dataclasses import fields

from ..cohorts.grades import GRADES
from ..dose.astra import import_astra
from ..engine.settings import Optimisation
from .config import Experiment
from .errors import ExperimentError
from .jobs import jobs_of
from .phantoms import seeds_of

NAME = re.compile(r"[A-Za-z0-9][\w-]*")
"""It becomes a folder's."""


def check_settings(experiment: Experiment) -> None:
    """Everything that no cohort is needed for.

    Raises AstraMissing, ExperimentError: bad_setting, no_cohort, no_external.
    """
    if experiment.scanner.projector == "astra":
        import_astra()
    _check_cohort(experiment)
    _check_external(experiment)
    _check_folds(experiment)
    for kind, networks in (("teachers", experiment.teachers), ("students", experiment.students)):
        for name, settings in networks.items():
            require(NAME.fullmatch(name), f"{kind}.{name}", "the name", "Use letters, digits, '_' and '-'")
            _check_optimisation(settings.optimisation, f"{kind}.{name}.optimisation")
    for name, settings in experiment.students.items():
        require(
            settings.teacher is None or settings.teacher in experiment.teachers,
            f"students.{name}.teacher",
            f"'{settings.teacher}'",
            f"The experiment has the teachers: {', '.join(experiment.teachers) or 'none'}",
        )
    require(jobs_of(experiment), "teachers, students", "none of either", "Name at least one network")


def _check_cohort(experiment: Experiment) -> None:
    both = (experiment.cohort is None) == (experiment.phantoms is None)
    if both:
        raise ExperimentError(
            "no_cohort",
            f"The experiment has {'no cohort' if experiment.cohort is None else 'both a manifest and phantoms'}.",
            "Give one of them: a manifest with --cohort FILE, or phantoms in the configuration.",
        )
    if experiment.phantoms is not None:
        require(experiment.phantoms.count > 0, "phantoms.count", str(experiment.phantoms.count), "Ask for some")
        require(
            experiment.phantoms.ungraded >= 0,
            "phantoms.ungraded",
            str(experiment.phantoms.ungraded),
            "Ask for some, or 0",
        )


def _check_external(experiment: Experiment) -> None:
    external, own = experiment.external, experiment.phantoms
    if external is None:
        return
    if (external.cohort is None) == (external.phantoms is None):
        raise ExperimentError(
            "no_external",
            f"The external cohort has {'no cases' if external.cohort is None else 'both a manifest and phantoms'}.",
            "Give one of them: a manifest with --external FILE, or external.phantoms in the configuration.",
        )
    if (phantoms := external.phantoms) is None:
        return
    words = f"Metrics need a case of each grade: ask for {len(GRADES)} or more"
    require(phantoms.count >= len(GRADES), "external.phantoms.count", str(phantoms.count), words)
    require(phantoms.ungraded == 0, "external.phantoms.ungraded", str(phantoms.ungraded), "Metrics need grades: 0")
    if own is not None:
        apart = set(seeds_of(own)).isdisjoint(seeds_of(phantoms))
        words = f"The experiment's own phantoms have the seeds {own.first_seed} to {max(seeds_of(own))}"
        require(apart, "external.phantoms.first_seed", str(phantoms.first_seed), words)


def _check_folds(experiment: Experiment) -> None:
    count, only, share = experiment.folds, experiment.only_folds, experiment.validation_share
    require(count >= 2, "folds", str(count), "Cross-validation needs two or more")
    if only is not None:
        inside = set(only) <= set(range(count)) and len(set(only)) == len(only) > 0
        require(inside, "only_folds", str(list(only)), f"Give some of 0 to {count - 1}, each once")
    require(0 <= share < 1, "validation_share", str(share), "Give a share from 0, and below 1")
    seeds = experiment.seeds
    distinct = seeds and len(set(seeds)) == len(seeds) and min(seeds) >= 0
    require(distinct, "seeds", str(list(seeds)), "Give one or more, each once, none below 0")


def _check_optimisation(settings: Optimisation, place: str) -> None:
    above_zero = ("epochs", "batch_size", "accumulate", "learning_rate", "clip_norm")
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name in above_zero or (field.name == "patience" and value is not None):
            require(value > 0, f"{place}.{field.name}", str(value), "It has to be above 0")
    require(0 <= settings.warmup <= 1, f"{place}.warmup", str(settings.warmup), "Give a share from 0 to 1")


def require(condition: object, place: str, value: str, hint: str) -> None:
    """Raises ExperimentError bad_setting. hint: what may be, without its full stop."""
    if not condition:
        raise bad_setting(place, value, hint)


def bad_setting(place: str, value: str, hint: str) -> ExperimentError:
    return ExperimentError("bad_setting", f"{place} cannot be {value}.", f"{hint}.")
