"""An upper abdomen as a label map, from the skin to the vessels of the liver."""

import numpy as np

from ..geometry import Geometry
from .canvas import Canvas
from .grids import axes_of, lowest, smooth_field
from .settings import PhantomSettings
from .tissues import LABEL

LIVER_VESSELS = (
    ((0, 0, -22), (-42, -10, 2), 7.0),
    ((-42, -10, 2), (-74, -4, 8), 5.5),
    ((-74, -4, 8), (-102, 14, -18), 4.0),
    ((-74, -4, 8), (-92, -36, 20), 4.0),
    ((-42, -10, 2), (-30, -46, 24), 4.5),
    ((-30, -46, 24), (22, -52, 28), 3.5),
    ((-24, 20, 58), (-106, 6, 24), 4.0),
    ((-24, 20, 58), (-66, -44, 22), 4.0),
    ((-24, 20, 58), (4, -44, 42), 3.5),
)
"""Portal vein and its branches, then the three hepatic veins: both ends and the radius, mm."""


def paint_anatomy(geometry: Geometry, rng: np.random.Generator, settings: PhantomSettings) -> np.ndarray:
    """Label map (D, H, W), uint8, of `TISSUES`."""
    canvas = Canvas(geometry, rng, settings)
    cavity = _paint_trunk(canvas, rng, settings)
    _paint_bowel(canvas, cavity, geometry, rng)
    chest = _paint_chest(canvas, cavity)
    _paint_spine(canvas)
    _paint_organs(canvas, rng)
    _paint_liver(canvas, cavity & ~chest, geometry, rng, settings)
    return canvas.labels


def _paint_trunk(canvas: Canvas, rng: np.random.Generator, settings: PhantomSettings) -> np.ndarray:
    """Fat, muscle and ribs. Returns the mask of the cavity inside them, filled with fat."""
    fat = rng.uniform(*settings.fat_mm)
    x, y = np.abs(canvas.x), np.abs(canvas.y)
    canvas.paint("fat", _superellipse(x, y, 160, 112) < 1)
    wall = _superellipse(x, y, 160 - fat, 112 - fat)
    canvas.paint("muscle", wall < 1)
    slanted = np.mod(canvas.z - np.float32(0.45) * canvas.y + np.float32(rng.uniform(0, 30)), 30)
    off_midline = x > np.where(canvas.y > 0, 38, 55)
    canvas.paint("rib", (np.abs(wall - 0.945) < 0.028) & (np.abs(slanted - 15) < 5.5) & off_midline)
    cavity = _superellipse(x, np.abs(canvas.y + 9), 160 - fat - 15, 112 - fat - 19) < 1
    canvas.paint("fat", cavity)
    return cavity


def _superellipse(x: np.ndarray, y: np.ndarray, half_width: float, half_depth: float) -> np.ndarray:
    power = np.float32(2.3)
    return ((x / np.float32(half_width)) ** power + (y / np.float32(half_depth)) ** power) ** (1 / power)


def _paint_bowel(canvas: Canvas, cavity: np.ndarray, geometry: Geometry, rng: np.random.Generator) -> None:
    loops = smooth_field(rng, axes_of(geometry), 14.0)
    canvas.paint("bowel", cavity & (loops > -0.1) & (canvas.y < 28))
    canvas.paint("gas", cavity & (loops > 1.9) & (canvas.y < -25))


def _paint_chest(canvas: Canvas, cavity: np.ndarray) -> np.ndarray:
    """Lung bases and heart. Returns the mask of what lies above the diaphragm."""
    x, y, z = canvas.x, canvas.y, canvas.z
    right = 80 - 45 * (((x + 70) / 72) ** 2 + (y / 82) ** 2)
    left = 70 - 45 * (((x - 72) / 66) ** 2 + (y / 78) ** 2)
    mediastinum = (x / 30) ** 2 + ((y - 20) / 50) ** 2 < 1
    above = cavity & (z > np.maximum(right, left)) & ~mediastinum
    canvas.paint("lung", above)
    canvas.paint("muscle", cavity & mediastinum & (z > 45))
    canvas.ellipsoid((18, -28, 108), ("heart", (62, 46, 52)))
    return above | (canvas.labels == LABEL["heart"])


def _paint_spine(canvas: Canvas) -> None:
    x, y, z = canvas.x, canvas.y, canvas.z
    width = np.abs(x)
    canvas.paint("muscle", ((x / 62) ** 2 + ((y - 78) / 24) ** 2 < 1) & (canvas.labels != LABEL["rib"]))
    body = (x / 22) ** 2 + ((y - 50) / 17) ** 2
    canvas.paint("cortical_bone", body < 1)
    canvas.paint("marrow", body < 0.76)
    canvas.paint("disc", (body < 1) & (np.mod(z, 33) < 7))
    canal = (x / 10) ** 2 + ((y - 76) / 9) ** 2
    arch = (np.mod(z + 8, 33) < 21) & ((canal < 2.1) | ((width < 3.5) & (y > 80) & (y < 100)))
    transverse = (np.mod(z + 2, 33) < 10) & (width < 36) & (np.abs(y - 74) < 5)
    canvas.paint("cortical_bone", arch | transverse)
    canvas.paint("spinal_canal", canal < 1)


def _paint_organs(canvas: Canvas, rng: np.random.Generator) -> None:
    """Everything in the abdomen but the liver."""
    canvas.tube("aorta", (9, 23, -200), (11, 24, 200), 10.5)
    canvas.tube("cava", (-23, 22, -200), (-21, 22, 70), 11.5)
    for side, height in ((-59, -55), (62, -45)):
        centre = np.array((side, 40, height)) + rng.uniform(-4, 4, 3)
        size = rng.uniform(0.92, 1.08)
        shells = (("fat", (33, 29, 60)), ("kidney_cortex", (26, 23, 52)), ("kidney_medulla", (18, 15, 43)))
        canvas.ellipsoid(centre, *((tissue, tuple(size * np.array(radii))) for tissue, radii in shells))
        canvas.ellipsoid(centre - (0.2 * side, 0, 0), ("fat", (15, 9, 26)), ("kidney_pelvis", (8, 5, 13)))
    canvas.ellipsoid((66, -16, 22), ("stomach_wall", (42, 37, 42)), ("stomach", (37, 32, 37)))
    canvas.paint("stomach_gas", (canvas.labels == LABEL["stomach"]) & (canvas.y < rng.uniform(-38, -20)))
    canvas.tube("pancreas", (-28, -6, -28), (18, -4, -14), 11.0)
    canvas.tube("pancreas", (18, -4, -14), (66, 20, 4), 9.0)
    spleen = rng.uniform(0.88, 1.1) * np.array((25, 40, 46))
    canvas.ellipsoid(np.array((102, 26, 26)) + rng.uniform(-4, 4, 3), ("spleen", tuple(spleen)))


def _paint_liver(
    canvas: Canvas, room: np.ndarray, geometry: Geometry, rng: np.random.Generator, settings: PhantomSettings
) -> None:
    """A right lobe, a left lobe and smooth noise, cut where the volume is the one that was drawn."""
    target = rng.uniform(*settings.liver_ml)
    canvas.ellipsoid((-46, -48, -34), ("gallbladder", (13, 19, 26)))
    right = canvas.radius((-78, -6, 0), (66, 86, 84))
    # The visceral surface: it faces down, back and to the left.
    facing = np.float32(0.75) * (canvas.x + 38) + np.float32(0.2) * canvas.y - np.float32(0.6) * (canvas.z + 14)
    right += np.maximum(facing, 0) / np.float32(45)
    left = canvas.radius((0, -50, 30), (78, 30, 36))
    shape = np.minimum(right, left) + np.float32(0.07) * smooth_field(rng, axes_of(geometry), 30.0)
    kept = ("marrow", "cortical_bone", "disc", "aorta", "cava", "kidney_cortex", "kidney_medulla", "gallbladder")
    kept += ("spleen", "stomach_wall", "stomach", "stomach_gas")
    shape[~room | np.isin(canvas.labels, [LABEL[tissue] for tissue in kept])] = np.inf
    liver, _ = lowest(shape, round(target / geometry.voxel_ml))
    canvas.paint("liver", liver)
    for start, end, radius in LIVER_VESSELS:
        canvas.tube("liver_vessel", start, end, radius, only="liver")
