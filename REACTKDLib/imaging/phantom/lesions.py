"""Lesions whose number, uptake, enhancement, texture and necrosis follow the grade."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..geometry import Geometry
from .grids import Box, axes_of, smooth_field
from .settings import PhantomSettings
from .site import Site
from .tissues import NECROSIS, Maps, Tissue

MAX_LESIONS = 8


@dataclass(frozen=True)
class Lesion:
    """What was planted. Ratios are of viable tumour over liver; enhancement is in HU against liver.

    necrosis: radius of the core as a fraction of the lesion's.
    """

    centroid_lps_mm: tuple[float, float, float]
    volume_ml: float
    fdg_ratio: float
    act_ratio: float
    enhancement_hu: float
    necrosis: float


def plant_lesions(
    maps: Maps,
    liver: np.ndarray,
    geometry: Geometry,
    rng: np.random.Generator,
    settings: PhantomSettings,
    grade: int,
    count: int | None,
) -> tuple[tuple[Lesion, ...], np.ndarray]:
    """Paints lesions into the maps. Returns them by falling volume, and their union, a mask (D, H, W)."""
    look = _draw_look(rng, settings, grade)
    drawn = 1 + rng.poisson(max(settings.at_grade(settings.extra_lesions, grade), 0.0))
    count = min(int(drawn), MAX_LESIONS) if count is None else count
    medians = np.array([settings.main_lesion_ml] + [settings.satellite_ml] * (MAX_LESIONS - 1))
    volumes = medians * np.exp(settings.lesion_log_sd * rng.standard_normal(MAX_LESIONS))

    site = Site(liver, geometry, settings)
    volumes = np.sort(np.clip(volumes[:count], site.smallest_ml, settings.lesion_ml[1]))[::-1]
    lesions = [_paint_lesion(maps, geometry, rng, look, *site.grow(volume, rng)) for volume in volumes]
    return tuple(sorted(lesions, key=lambda lesion: -lesion.volume_ml)), site.tumor


class _Look(NamedTuple):
    """What one patient's lesions have in common; see `PhantomSettings` for each."""

    fdg_ratio: float
    act_ratio: float
    enhancement_hu: float
    texture_hu: float
    texture_mm: float
    necrosis: float
    unlikeness: float


def _draw_look(rng: np.random.Generator, settings: PhantomSettings, grade: int) -> _Look:
    spread = settings.overlap * rng.standard_normal(6)

    def scaled(triple, z, log_sd):
        return settings.at_grade(triple, grade) * np.exp(z * log_sd)

    return _Look(
        fdg_ratio=scaled(settings.fdg_ratio, spread[0], settings.ratio_log_sd),
        act_ratio=scaled(settings.act_ratio, spread[1], settings.ratio_log_sd),
        enhancement_hu=settings.at_grade(settings.enhancement_hu, grade) + spread[2] * settings.enhancement_sd_hu,
        texture_hu=scaled(settings.texture_hu, spread[3], settings.texture_log_sd),
        texture_mm=scaled(settings.texture_mm, spread[4], settings.texture_log_sd),
        necrosis=settings.at_grade(settings.necrosis, grade) + spread[5] * settings.necrosis_sd,
        unlikeness=settings.at_grade(settings.unlikeness, grade),
    )


def _paint_lesion(
    maps: Maps,
    geometry: Geometry,
    rng: np.random.Generator,
    look: _Look,
    box: Box,
    mask: np.ndarray,
    radius: np.ndarray,
) -> Lesion:
    """Writes a lesion into the maps. radius: distance from its centre, 1 on its surface."""
    own = look.unlikeness * rng.standard_normal(3)
    fdg_ratio, act_ratio = look.fdg_ratio * np.exp(own[0]), look.act_ratio * np.exp(own[1])
    enhancement = look.enhancement_hu + 40.0 * own[2]
    necrosis = float(np.clip(look.necrosis + 0.05 * rng.standard_normal(), 0.0, 0.65))
    axes = [axis[part] for axis, part in zip(axes_of(geometry), box, strict=True)]
    texture = smooth_field(rng, axes, look.texture_mm)
    core = np.clip((necrosis - radius) / 0.12 + 0.5 + 0.3 * texture, 0.0, 1.0) * (necrosis > 0.15)

    viable = Tissue(
        hu=maps.liver.hu + enhancement + look.texture_hu * texture,
        fdg=maps.liver.fdg * fdg_ratio * (1 + 0.1 * texture),
        act=maps.liver.act * act_ratio * (1 - 0.1 * texture),
    )
    for image, tissue, dead in zip((maps.hu, maps.fdg, maps.act), viable, NECROSIS, strict=True):
        image[box][mask] = (tissue + core * (dead - tissue))[mask]
    index = np.array([np.mean(i) + part.start for i, part in zip(np.nonzero(mask), box, strict=True)])
    return Lesion(
        centroid_lps_mm=tuple(float(c) for c in geometry.to_world(index[::-1])),
        volume_ml=float(mask.sum() * geometry.voxel_ml),
        fdg_ratio=float(fdg_ratio),
        act_ratio=float(act_ratio),
        enhancement_hu=float(enhancement),
        necrosis=necrosis,
    )
