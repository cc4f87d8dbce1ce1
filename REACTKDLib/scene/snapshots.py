"""Pictures of an overlay: 3D, three slices through the most attended lesion, and the four together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .annotation import (
    Scale,
    add_corner_text,
    add_edge_letters,
    add_lesion_names,
    add_scales,
    edge_letters,
    grade_text,
    slice_position,
    window_text,
)
from .colors import over_liver, rgb_of
from .display import show_in_slice
from .overlay_nodes import Overlay
from .viewpoint import AZIMUTH, ELEVATION
from .views import OffscreenView, SliceView, ThreeDView

ORIENTATIONS = ("Axial", "Coronal", "Sagittal")
SIZE = (960, 720)
GUTTER = 2
"""Pixels between the pictures of the four."""
GUTTER_GREY = 60
FONT_SHARE = 0.026
"""Height of the text, as a share of the picture's."""


@dataclass(frozen=True)
class Picture:
    """name: short, stable, for programs. caption: what a reader needs to know to read it."""

    name: str
    path: Path
    caption: str


def take_snapshots(overlay: Overlay, folder: Path | str) -> list[Picture]:
    """Renders the overlay as it is shown into PNG files. Needs OpenGL, see `can_render`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shown, region = overlay.classes[overlay.shown_class], overlay.most_attended
    convention = "Patient's right on the left of the picture."
    colours = f"Orange speaks for {shown}, blue against it"
    slices = f"{colours}: filled by voxel, outlines by region."
    captions = {
        "3d": (
            f"Liver (translucent), lesions and region graph, from the front and right. {colours}: the larger a sphere, "
            "the more. The thicker and lighter a tube, the more alike its regions."
        ),
        "axial": f"Axial slice through {region.name}, seen from the feet. {convention} {slices}",
        "coronal": f"Coronal slice through {region.name}, seen from the front. {convention} {slices}",
        "sagittal": f"Sagittal slice through {region.name}, seen from the left. {slices}",
        "four_up": f"Axial, 3D, coronal and sagittal view of {region.name}. {slices}",
    }
    images = {name.lower(): slice_picture(overlay, name, SIZE) for name in ORIENTATIONS}
    images["3d"] = three_d_picture(overlay, SIZE)
    images["four_up"] = four_up(images)
    pictures = [Picture(name, folder / f"{name}.png", caption) for name, caption in captions.items()]
    for picture in pictures:
        sitk.WriteImage(sitk.GetImageFromArray(images[picture.name], isVector=True), str(picture.path))
    return pictures


def slice_picture(overlay: Overlay, orientation: str, size: tuple[int, int]) -> np.ndarray:
    """A slice through the most attended lesion with the voxel map over it: (H, W, 3), uint8."""
    view = SliceView(overlay.scene, orientation, size)
    try:
        show_in_slice(overlay, view.composite)
        view.fit(overlay.most_attended.slice_point)
        add_edge_letters(view.renderer, edge_letters(view.node), _font_size(size, 1.3))
        add_lesion_names(view, overlay, _font_size(size))
        _add_grade(view, overlay, f"{slice_position(view.node)}\n{window_text(overlay.ct)}")
        filled = over_liver(rgb_of(overlay.fading_colors), view.composite.GetForegroundOpacity())
        fill = Scale("Fill: voxels, logit per 100 mL", filled, overlay.voxel_limit)
        outlines = Scale("Outlines: regions, logit", rgb_of(overlay.colors), overlay.region_limit)
        _add_scales(view, overlay, fill, outlines)
        return view.pixels()
    finally:
        view.close(overlay.scene)


def three_d_picture(overlay: Overlay, size: tuple[int, int]) -> np.ndarray:
    """The surfaces and the graph from the front right, slightly from above: (H, W, 3), uint8."""
    view = ThreeDView(overlay.scene, size)
    try:
        bounds = [0.0] * 6
        overlay.segmentation.GetRASBounds(bounds)
        view.look(bounds, AZIMUTH, ELEVATION)
        _add_grade(view, overlay, "From the front and right")
        _add_scales(view, overlay, Scale("Regions, logit", rgb_of(overlay.colors), overlay.region_limit))
        return view.pixels()
    finally:
        view.close(overlay.scene)


def four_up(images: Mapping[str, np.ndarray]) -> np.ndarray:
    """Axial and 3D above coronal and sagittal, as the application lays them out; pictures of one size, (H, W, 3)."""
    rows = [_beside(images[left], images[right], 1) for left, right in (("axial", "3d"), ("coronal", "sagittal"))]
    return _beside(*rows, 0)


def _beside(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
    """With a gutter between them."""
    gutter = np.full_like(first, GUTTER_GREY).take(range(GUTTER), axis)
    return np.concatenate([first, gutter, second], axis)


def _add_grade(view: OffscreenView, overlay: Overlay, place: str) -> None:
    add_corner_text(view.renderer, f"{grade_text(overlay)}\n{place}", _font_size(view.window.GetSize()))


def _add_scales(view: OffscreenView, overlay: Overlay, *scales: Scale) -> None:
    heading = f"Attention: {overlay.classes[overlay.shown_class]}"
    add_scales(view.renderer, heading, scales, _font_size(view.window.GetSize()))


def _font_size(size: tuple[int, int], factor: float = 1.0) -> int:
    return round(size[1] * FONT_SHARE * factor)
