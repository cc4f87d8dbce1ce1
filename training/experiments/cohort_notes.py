"""What a cohort makes of an experiment's networks, where it fits them: to be said before any is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ..engine.architectures import readable_branches
from ..engine.settings import StudentSettings, TeacherSettings
from .config import Experiment

Settings = TypeVar("Settings", TeacherSettings, StudentSettings)


def cohort_notes(experiment: Experiment, tracers: Sequence[str]) -> list[str]:
    """A line on teachers that lose a branch, for want of anything to read, and one on networks that come out equal.

    tracers: of the cohort.
    """
    teachers = {
        name: replace(settings, branches=readable_branches(settings.branches, tracers))
        for name, settings in experiment.teachers.items()
    }
    alike = _alike(teachers)
    first_of = {name: names[0] for names in alike for name in names}
    students = {name: _as_trained(settings, tracers, first_of) for name, settings in experiment.students.items()}
    lines = []
    # The branch structure is the only one that can be left with nothing: all cases have a CT.
    if reduced := [name for name, settings in teachers.items() if settings != experiment.teachers[name]]:
        whose = f"teacher {reduced[0]} is" if len(reduced) == 1 else f"teachers {_listed(reduced)} are"
        lines.append(f"The cohort has no PET: {whose} trained without the branch structure, which reads nothing else.")
    equal = [f"teachers {_listed(names)}" for names in alike if len(names) > 1]
    equal += [f"students {_listed(names)}" for names in _alike(students) if len(names) > 1]
    if equal:
        lines.append(f"With equal settings in this cohort: {'; '.join(equal)}.")
    return lines


def _as_trained(settings: StudentSettings, tracers: Sequence[str], first_of: Mapping[str, str]) -> StudentSettings:
    """With the tracers that it reads, and the first of the teachers that are its teacher's equals.

    Of a student that reads none, nothing is lost and nothing absent: what its settings say of that has no effect.
    """
    read = tuple(tracers) if settings.tracers is None else settings.tracers
    own = replace(settings, tracers=read, teacher=settings.teacher and first_of[settings.teacher])
    return own if read else replace(own, modality_dropout=0, drop="either", absent="token")


def _alike(networks: Mapping[str, Settings]) -> list[list[str]]:
    """Names, those of equal settings together."""
    groups: list[list[str]] = []
    for name, settings in networks.items():
        for names in groups:
            if networks[names[0]] == settings:
                names.append(name)
                break
        else:
            groups.append([name])
    return groups


def _listed(names: Sequence[str]) -> str:
    """Two or more."""
    return f"{', '.join(names[:-1])} and {names[-1]}"
