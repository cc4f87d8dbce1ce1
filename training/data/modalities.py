"""Which modalities a student may read (method.md, section 6)."""

from collections.abc import Sequence

import numpy as np

from REACTKDLib.imaging.spec import TRACERS

from .draw_settings import Evaluation, ModalitySettings


def draw_student_modalities(
    present: Sequence[str], settings: ModalitySettings, random: np.random.Generator
) -> tuple[str, ...]:
    """CT and one of the tracers that are present and readable, less the one that is dropped.

    What a case has only one of is never dropped.
    """
    choice, loss, which = random.random(3)
    tracers = [tracer for tracer in settings.tracers if tracer in present]
    readable = ["ct"] if "ct" in present else []
    if tracers:
        readable.append(tracers[int(choice * len(tracers))])
    if len(readable) == 2 and loss < settings.dropout:
        drops_pet = settings.drop == "pet" or which < 0.5
        readable.pop(1 if drops_pet else 0)
    return tuple(readable)


def evaluated_modalities(
    present: Sequence[str], evaluation: Evaluation, name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a teacher and what a student reads of the case `name`.

    Raises ValueError where it has none of the inputs.
    """
    given = tuple(modality for modality in evaluation.inputs if modality in present)
    if not given:
        raise ValueError(f"case {name} has none of {', '.join(evaluation.inputs)}; leave it out of this evaluation")
    tracers = [modality for modality in given if modality in TRACERS]
    return given, tuple(modality for modality in given if modality not in tracers[1:])
