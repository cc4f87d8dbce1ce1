"""A phantom from a seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from .anatomy import paint_anatomy
from .errors import PhantomError
from .grids import centred
from .lesions import MAX_LESIONS, Lesion, plant_lesions
from .scanners import scan_ct, scan_pet
from .settings import PhantomSettings
from .tissues import LABEL, tissue_maps


@dataclass(frozen=True)
class Phantom:
    """One made-up patient.

    ct: int16 HU. pet: `fdg` and `act`, float32 Bq/mL, on a grid of their own. liver (with the tumour) and tumor (all
    lesions): uint8 masks on the CT's grid. lesions: by falling volume. grade: 0, 1 or 2.
    """

    ct: sitk.Image = field(repr=False, compare=False)
    pet: Mapping[str, sitk.Image] = field(repr=False, compare=False)
    liver: sitk.Image = field(repr=False, compare=False)
    tumor: sitk.Image = field(repr=False, compare=False)
    lesions: tuple[Lesion, ...]
    grade: int
    seed: int
    settings: PhantomSettings


def make_phantom(
    seed: int, grade: int | None = None, lesions: int | None = None, settings: PhantomSettings | None = None
) -> Phantom:
    """The patient of a seed: the same images, bit for bit, whenever it is asked for with the same settings.

    grade: 0, 1 or 2; drawn evenly when None. lesions: 0 to 8; drawn, at least one, when None.
    The anatomy does not depend on the grade. Raises PhantomError for a grade or number outside those, and when the
    liver has no room for the lesions.
    """
    settings = settings or PhantomSettings()
    if grade not in (None, 0, 1, 2):
        raise PhantomError("phantom_grade", f"A phantom has no grade {grade}.", "Choose 0, 1 or 2.")
    if lesions is not None and not 0 <= lesions <= MAX_LESIONS:
        raise PhantomError("phantom_lesions", f"A phantom has no {lesions} lesions.", f"Choose 0 to {MAX_LESIONS}.")
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
    grade_rng, anatomy_rng, tissue_rng, lesion_rng, ct_rng, pet_rng = streams
    drawn = int(grade_rng.integers(3))
    grade = drawn if grade is None else grade

    geometry = centred(settings.ct_size, settings.ct_spacing)
    labels = paint_anatomy(geometry, anatomy_rng, settings)
    liver = (labels == LABEL["liver"]) | (labels == LABEL["liver_vessel"])
    maps = tissue_maps(labels, geometry, tissue_rng, settings)
    planted, tumor = plant_lesions(maps, liver, geometry, lesion_rng, settings, grade, lesions)
    return Phantom(
        ct=geometry.image(scan_ct(maps.hu, geometry, ct_rng, settings)),
        pet=scan_pet(maps, geometry, pet_rng, settings),
        liver=geometry.image(liver.astype(np.uint8)),
        tumor=geometry.image(tumor.astype(np.uint8)),
        lesions=planted,
        grade=grade,
        seed=int(seed),
        settings=settings,
    )
