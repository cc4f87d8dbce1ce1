"""How a slice looks in print: outlines, the patient's sides, scales."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from REACTKDLib.inference.drawing import YELLOW
from REACTKDLib.inference.overlays import stroke
from REACTKDLib.inference.views import AXIAL

from .typical_slices import Section

OUTLINE_PIXELS, HALO_PIXELS = 3.0, 1.5
LIVER_PIXELS, PALE_CYAN = 1.8, (160, 235, 235)
SCALE_BAR_MM = 50.0


def show(axes: Axes, picture: np.ndarray) -> None:
    axes.imshow(picture.round().clip(0, 255).astype(np.uint8))
    write(axes, 0.02, 0.5, AXIAL.letters[0], "left")
    write(axes, 0.98, 0.5, AXIAL.letters[1], "right")


def outlined(picture: np.ndarray, section: Section) -> np.ndarray:
    lined = picture.copy()
    stroke(lined, section.liver, LIVER_PIXELS, PALE_CYAN, halo=0.0)
    stroke(lined, section.lesions, OUTLINE_PIXELS, YELLOW, HALO_PIXELS)
    return lined


def draw_scale(axes: Axes, colours: np.ndarray, ticks: Sequence[str]) -> None:
    """colours: (n, 3), 0 to 255. ticks: at the left end, the middle and the right end."""
    axes.imshow(colours[None].round().astype(np.uint8), aspect="auto", extent=(-1.0, 1.0, 0.0, 1.0))
    axes.set_xticks([-1, 0, 1], ticks, fontsize=6)
    for label, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
        label.set_horizontalalignment(side)
    axes.set(yticks=[], xlim=(-1.1, 1.1))
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)


def draw_scale_bar(axes: Axes, section: Section) -> None:
    height, width = section.ct.shape[:2]
    x, y = 0.03 * width, 0.95 * height
    axes.plot([x, x + SCALE_BAR_MM / section.plane.spacing[0]], [y, y], color="white", linewidth=1.2)
    write(axes, 0.03, 0.07, f"{SCALE_BAR_MM / 10:.0f} cm", "left", "bottom")


def write(axes: Axes, x: float, y: float, text: str, ha: str, va: str = "center") -> None:
    halo = [withStroke(linewidth=1.2, foreground="black")]
    place = {"ha": ha, "va": va, "transform": axes.transAxes}
    axes.text(x, y, text, color="white", fontsize=6.5, path_effects=halo, **place)
