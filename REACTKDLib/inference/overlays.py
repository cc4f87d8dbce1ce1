"""What lies over a CT slice in pictures: windows, colours, outlines, attention between the feature voxels.

Pictures are float32 (H, W, 3), 0 to 255.
"""

import numpy as np
import SimpleITK as sitk

from ..imaging.geometry import Geometry
from ..imaging.masks import bounding_box
from .depiction import OVERLAY_OPACITY, fading, sample
from .drawing import BLACK, BLUE, ORANGE
from .prediction import FADE_MM

WINDOW, LEVEL = 400.0, 40.0
"""HU, the usual abdominal window."""
AIR_HU = -1024.0
OUTLINE_SMOOTHING_MM = 1.0
"""Takes the voxel steps off an outline, which is at most this far from the voxels' own border."""
SPLINE_PIXELS = 4
"""Pixels between the points at which attention is interpolated smoothly; linearly in between."""


def ct_picture(ct: sitk.Image, plane: Geometry) -> np.ndarray:
    """The CT (HU) on the plane, in grey."""
    hu = sample(ct, plane, sitk.sitkLinear, AIR_HU)[0].astype(np.float32)
    grey = np.clip((hu - LEVEL) / WINDOW + 0.5, 0.0, 1.0)
    return np.repeat(grey[..., None] * 255.0, 3, axis=-1)


def smooth_sample(attention: sitk.Image, plane: Geometry) -> np.ndarray:
    """A cubic spline through the feature voxels, (H, W). They are far larger than pixels: some of these suffice."""
    width, height, _ = plane.size
    size = (width // SPLINE_PIXELS + 1, height // SPLINE_PIXELS + 1, 1)
    nodes = Geometry(size, (plane.spacing[0] * SPLINE_PIXELS,) * 3, plane.origin, plane.direction)
    spline = nodes.image(sample(attention, nodes, sitk.sitkBSpline, 0.0))
    return sample(spline, plane, sitk.sitkLinear, 0.0)[0]


def blend(picture: np.ndarray, colours: np.ndarray, opacity: np.ndarray) -> None:
    """Changes the picture. colours: (H, W, 3) or (3,), 0 to 255. opacity: (H, W)."""
    shown = opacity > 0
    below = picture[shown]
    above = np.broadcast_to(colours, picture.shape)[shown]
    picture[shown] = below + (above - below) * opacity[shown][:, None]


def depth_of(mask: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Pixels from the mask's smoothed border, positive inside, minus infinity far outside, (H, W)."""
    depth = np.full(mask.shape, -np.inf, np.float32)
    margin_mm = FADE_MM + 4 * OUTLINE_SMOOTHING_MM
    if box := bounding_box(mask[None], int(np.ceil(margin_mm / pixel_mm))):
        image = sitk.GetImageFromArray(mask[box[1:]].astype(np.uint8))
        distance = sitk.SignedMaurerDistanceMap(image, insideIsPositive=True, squaredDistance=False)
        smoothing = OUTLINE_SMOOTHING_MM / pixel_mm
        depth[box[1:]] = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(distance, smoothing))
    return depth


def stroke(picture: np.ndarray, depth: np.ndarray, width: float, colour: tuple[int, int, int], halo: float) -> None:
    """A line of `width` pixels where the depth is zero, in black to `halo` pixels on either side."""
    for reach, ink in ((width / 2 + halo, BLACK), (width / 2, colour)):
        blend(picture, np.float32(ink), np.clip(reach + 0.5 - np.abs(depth), 0.0, 1.0))


def diverging(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """values: in [-1, 1], any shape. Returns colours (..., 3), 0 to 255, and opacity, none near zero."""
    colours = np.where((values < 0)[..., None], np.float32(BLUE), np.float32(ORANGE))
    return colours, OVERLAY_OPACITY * fading(values)


def hot(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """values: in [0, 1], any shape. Returns colours from black over red and yellow to white, and opacity."""
    ramp = 3.0 * np.clip(values, 0.0, 1.0)
    colours = np.stack([np.clip(ramp - start, 0.0, 1.0) for start in range(3)], axis=-1) * 255.0
    return colours, 0.8 * np.clip(2.0 * values, 0.0, 1.0)


def on_grey(colours: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """The colours as they look over soft tissue."""
    return 120.0 + (colours - 120.0) * opacity[..., None]
