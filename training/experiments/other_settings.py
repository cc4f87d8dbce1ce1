"""What an experiment compares, trained as another experiment trains."""

from dataclasses import replace

from ..engine.settings import StudentSettings, TeacherSettings
from .config import Experiment


def with_settings_of(experiment: Experiment, other: Experiment) -> Experiment:
    """The networks of the one with the preprocessing, scanner and training of the other's first teacher and student.

    A network keeps what it is compared for: a teacher its branches and CBAM3D, a student its method, options,
    weight, teacher and CBAM3D, what stands for a lost modality, and that it loses none. Cohorts, doses, folds and
    seeds are kept too.
    """
    teacher = next(iter(other.teachers.values()), TeacherSettings())
    student = next(iter(other.students.values()), StudentSettings())
    return replace(
        experiment,
        preprocessing=other.preprocessing,
        scanner=other.scanner,
        teachers={name: _teacher(own, teacher) for name, own in experiment.teachers.items()},
        students={name: _student(own, student) for name, own in experiment.students.items()},
    )


def _teacher(own: TeacherSettings, other: TeacherSettings) -> TeacherSettings:
    return replace(other, branches=own.branches, cbam=own.cbam)


def _student(own: StudentSettings, other: StudentSettings) -> StudentSettings:
    return replace(
        other,
        method=own.method,
        options=own.options,
        method_weight=own.method_weight,
        teacher=own.teacher,
        cbam=own.cbam,
        absent=own.absent,
        modality_dropout=other.modality_dropout if own.modality_dropout else 0.0,
    )
