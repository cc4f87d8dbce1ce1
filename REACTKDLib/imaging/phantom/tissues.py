"""What tissues look like to CT and PET."""

from typing import NamedTuple

import numpy as np

from ..geometry import Geometry
from .grids import axes_of, smooth_field
from .settings import PhantomSettings


class Tissue(NamedTuple):
    """Attenuation in the portal venous phase, HU; uptake of FDG and acetate, kBq/mL."""

    hu: float
    fdg: float
    act: float


TISSUES = {
    "air": Tissue(-1000, 0.0, 0.0),
    "fat": Tissue(-100, 1.2, 1.2),
    "muscle": Tissue(55, 3.5, 3.0),
    "rib": Tissue(330, 4.0, 3.0),
    "lung": Tissue(-850, 2.0, 2.0),
    "gas": Tissue(-900, 0.5, 0.5),
    "bowel": Tissue(45, 6.0, 6.0),
    "heart": Tissue(120, 13.0, 10.0),
    "marrow": Tissue(180, 7.0, 5.0),
    "cortical_bone": Tissue(550, 4.0, 3.0),
    "disc": Tissue(75, 3.0, 3.0),
    "spinal_canal": Tissue(30, 4.0, 3.0),
    "aorta": Tissue(150, 8.0, 4.0),
    "cava": Tissue(140, 8.0, 4.0),
    "stomach_wall": Tissue(80, 8.0, 8.0),
    "stomach": Tissue(15, 3.0, 3.0),
    "stomach_gas": Tissue(-900, 0.5, 0.5),
    "pancreas": Tissue(100, 7.5, 22.0),
    "kidney_cortex": Tissue(190, 22.0, 17.0),
    "kidney_medulla": Tissue(155, 32.0, 12.0),
    "kidney_pelvis": Tissue(5, 70.0, 6.0),
    "spleen": Tissue(120, 9.0, 13.0),
    "gallbladder": Tissue(8, 3.0, 4.0),
    "liver": Tissue(105, 11.0, 14.0),
    "liver_vessel": Tissue(165, 9.0, 9.0),
}
LABEL = {name: label for label, name in enumerate(TISSUES)}
NECROSIS = Tissue(28, 3.5, 3.5)


class Maps(NamedTuple):
    """Noiseless images on the CT's grid, (D, H, W): HU and kBq/mL. Lesions are planted in them."""

    hu: np.ndarray
    fdg: np.ndarray
    act: np.ndarray
    liver: Tissue
    """Of this patient's parenchyma."""


def tissue_maps(labels: np.ndarray, geometry: Geometry, rng: np.random.Generator, settings: PhantomSettings) -> Maps:
    """One patient's maps from a label map (D, H, W): values of their own for each tissue, which vary slowly within."""
    values = np.array(list(TISSUES.values()))
    hu = values[:, 0] + settings.tissue_sd_hu * rng.standard_normal(len(values)) * (values[:, 0] > -800)
    fdg, act = values[:, 1:].T * np.exp(settings.uptake_log_sd * rng.standard_normal((2, len(values))))
    slow = np.float32(0.5 * settings.tissue_sd_hu) * smooth_field(rng, axes_of(geometry), 25.0)
    maps = [table.astype(np.float32)[labels] for table in (hu, fdg, act)]
    maps[0] += slow * (maps[0] > -200)
    return Maps(*maps, liver=Tissue(*(table[LABEL["liver"]] for table in (hu, fdg, act))))
