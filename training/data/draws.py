"""All that is random about one case in one epoch, drawn from (seed, epoch, name) alone.

No draw depends on another case, on the order of cases or on the process that makes it: a resumed training and one on
many processes draw what an uninterrupted one on one process draws. Each part has a stream of its own, so that an
ablation that changes one leaves the others as they were.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from REACTKDLib.imaging.regions import LIVER_LABEL
from REACTKDLib.imaging.spec import TRACERS

from ..dose.levels import LevelName
from .draw_settings import (
    NATIVE,
    AugmentationSettings,
    DrawSettings,
    Evaluation,
    ModalitySettings,
    PerturbationSettings,
)
from .entry import CachedCase
from .modalities import draw_student_modalities, evaluated_modalities
from .transforms import CaseTransform, draw_transform, no_transform

__all__ = [
    "AugmentationSettings",
    "CaseDraw",
    "CaseFacts",
    "DrawSettings",
    "Evaluation",
    "ModalitySettings",
    "PerturbationSettings",
    "RegionDraw",
    "draw",
    "no_draw",
    "random_of",
]

LOW_DOSE = "ct_"
"""What the names of a cached case's CTs at low dose begin with."""


@dataclass(frozen=True)
class CaseFacts:
    """What a draw has to know of a case. modalities: `ct` and the tracers it has. lesions: their labels."""

    modalities: tuple[str, ...]
    levels: tuple[LevelName, ...]
    lesions: tuple[int, ...]

    @classmethod
    def of(cls, case: CachedCase) -> "CaseFacts":
        return cls(
            tuple(modality for modality in ("ct", *TRACERS) if modality in case.images),
            (NATIVE, *sorted(name.removeprefix(LOW_DOSE) for name in case.images if name.startswith(LOW_DOSE))),
            tuple(label for label in case.labels if label > LIVER_LABEL),
        )


@dataclass(frozen=True)
class RegionDraw:
    """Labels of the lesions that the student's regions lack, and of those a voxel larger or smaller there."""

    dropped: tuple[int, ...] = ()
    dilated: tuple[int, ...] = ()
    eroded: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class CaseDraw:
    """What one case gets in one epoch.

    blank_full: whether the representation `full` is blanked. ct_level, dose_level: of the images `ct` and `dose`.
    student_ct: which of the two the student reads. modalities: what the teacher reads, student_modalities: what the
    student does, with at most one tracer.
    """

    transform: CaseTransform
    blank_full: bool
    ct_level: LevelName
    dose_level: LevelName
    student_ct: Literal["ct", "dose"]
    modalities: tuple[str, ...]
    student_modalities: tuple[str, ...]
    regions: RegionDraw


def draw(name: str, seed: int, epoch: int, facts: CaseFacts, settings: DrawSettings) -> CaseDraw:
    """What a case gets in an epoch of training."""
    shape, blank, dose, modality, region = random_of(seed, epoch, name).spawn(5)
    return CaseDraw(
        transform=draw_transform(settings.augmentation, shape),
        blank_full=bool(blank.random() < settings.augmentation.full_dropout),
        ct_level=NATIVE,
        dose_level=facts.levels[dose.integers(len(facts.levels))],
        student_ct="dose" if settings.student_dose == "random" else "ct",
        modalities=facts.modalities,
        student_modalities=draw_student_modalities(facts.modalities, settings.modalities, modality),
        regions=_draw_regions(facts.lesions, settings.perturbation, region),
    )


def no_draw(name: str, facts: CaseFacts, evaluation: Evaluation) -> CaseDraw:
    """What a case gets when networks are measured.

    Raises ValueError, naming the case, where it has none of the inputs or not the dose level.
    """
    if evaluation.level not in facts.levels:
        raise ValueError(
            f"the cache has no CT of case {name} at the dose {evaluation.level}, only {', '.join(facts.levels)}; "
            "name the dose among the cache's levels"
        )
    modalities, student_modalities = evaluated_modalities(facts.modalities, evaluation, name)
    level = evaluation.level
    return CaseDraw(no_transform(), False, level, level, "ct", modalities, student_modalities, RegionDraw())


def random_of(seed: int, epoch: int, name: str) -> np.random.Generator:
    """The generator of one name in one epoch."""
    # Python's own hash of a string changes from process to process.
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
    return np.random.default_rng(np.random.SeedSequence((seed, epoch, key)))


def _draw_regions(lesions: Sequence[int], settings: PerturbationSettings, random: np.random.Generator) -> RegionDraw:
    """Dropped lesions, never all; and a lesion each dilated, eroded or left as it is."""
    missed = random.random(len(lesions)) < settings.lesion_dropout
    change = random.integers(3, size=len(lesions))
    if len(lesions) and missed.all():
        missed[random.integers(len(lesions))] = False
    if not settings.mask_jitter:
        change[:] = 0

    def chosen(which: np.ndarray) -> tuple[int, ...]:
        return tuple(int(lesions[place]) for place in np.flatnonzero(which))

    return RegionDraw(chosen(missed), chosen(change == 1), chosen(change == 2))
