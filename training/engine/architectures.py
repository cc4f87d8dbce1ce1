"""The networks that settings describe, on the grid of a preprocessing."""

from collections.abc import Sequence

from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.networks.architecture import BRANCHES, Architecture

from .settings import StudentSettings, TeacherSettings


def teacher_architecture(settings: TeacherSettings, spec: PreprocessingSpec) -> Architecture:
    """Raises ValueError where the settings do not fit together."""
    return Architecture(
        network="teacher",
        width=settings.width,
        stride=spec.feature_stride,
        feature_size=settings.feature_size,
        grid=spec.grid,
        cbam=settings.cbam,
        branches=settings.branches,
    )


def readable_branches(branches: Sequence[str], tracers: Sequence[str]) -> tuple[str, ...]:
    """Those of a teacher's branches that have something to read in a cohort with these tracers."""
    # All cases have a CT, and so something for the stream of any dose.
    return tuple(branch for branch in branches if {"dose", *tracers} & set(BRANCHES[branch]))


def student_architecture(settings: StudentSettings, spec: PreprocessingSpec, tracers: Sequence[str]) -> Architecture:
    """tracers: of the cohort, all of which the student learns unless its settings choose. Raises ValueError."""
    return Architecture(
        network="student",
        width=settings.width,
        stride=spec.feature_stride,
        init_filters=settings.init_filters,
        blocks_down=settings.blocks_down,
        grid=spec.grid,
        cbam=settings.cbam != "none",
        tracers=settings.tracers if settings.tracers is not None else tuple(tracers),
        absent=settings.absent,
    )
