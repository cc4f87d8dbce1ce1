"""Pictures of an overlay: 3D, three slices through the most attended lesion, and the four together."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .annotation import add_color_bar, add_corner_text, add_edge_letters, edge_letters, grade_text, slice_position
from .display import show_in_slice
from .overlay_nodes import Overlay
from .views import OffscreenView, SliceView, ThreeDView

ORIENTATIONS = ("Axial", "Coronal", "Sagittal")
SIZE = (900, 900)
FOUR_UP_SIZE = (1600, 1200)
AZIMUTH, ELEVATION = -20.0, 15.0
"""Degrees; towards the patient's right, where most of the liver is, so that one lesion rarely hides the next."""
GUTTER = 2
"""Pixels between the pictures of the four."""
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
    captions = {
        "3d": f"Liver (translucent), lesions and region graph. Spheres: attention for {shown}; tubes: similarity.",
        "axial": f"Axial slice through {region.name}, seen from the feet. {convention}",
        "coronal": f"Coronal slice through {region.name}, seen from the front. {convention}",
        "sagittal": f"Sagittal slice through {region.name}, seen from the left.",
        "four_up": f"Axial, 3D, coronal and sagittal view of {region.name}; colour: attention for {shown}.",
    }
    images = {
        "3d": three_d_picture(overlay, SIZE),
        **{name.lower(): slice_picture(overlay, name, SIZE) for name in ORIENTATIONS},
        "four_up": four_up_picture(overlay, FOUR_UP_SIZE),
    }
    pictures = [Picture(name, folder / f"{name}.png", caption) for name, caption in captions.items()]
    for picture in pictures:
        sitk.WriteImage(sitk.GetImageFromArray(images[picture.name], isVector=True), str(picture.path))
    return pictures


def slice_picture(overlay: Overlay, orientation: str, size: tuple[int, int], has_legend: bool = True) -> np.ndarray:
    """A slice through the most attended lesion with the voxel map over it: (H, W, 3), uint8."""
    view = SliceView(overlay.scene, orientation, size)
    try:
        show_in_slice(overlay, view.composite)
        view.fit(overlay.most_attended.centroid)
        add_edge_letters(view.renderer, edge_letters(view.node), _font_size(size, 1.3))
        _add_grade(view, overlay, slice_position(view.node))
        if has_legend:
            _add_legend(view, overlay, "Voxel attention", overlay.voxel_limit)
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
        _add_legend(view, overlay, "Region attention", overlay.region_limit)
        return view.pixels()
    finally:
        view.close(overlay.scene)


def four_up_picture(overlay: Overlay, size: tuple[int, int]) -> np.ndarray:
    """Axial and 3D above coronal and sagittal, as the application lays them out: (H, W, 3), uint8."""
    half = (size[0] // 2 - GUTTER // 2, size[1] // 2 - GUTTER // 2)
    # One legend is enough for three slices of the same map.
    axial, coronal, sagittal = (slice_picture(overlay, name, half, name == "Axial") for name in ORIENTATIONS)
    canvas = np.full((size[1], size[0], 3), 60, np.uint8)
    for row, pair in enumerate(((axial, three_d_picture(overlay, half)), (coronal, sagittal))):
        for column, image in enumerate(pair):
            top, left = row * (size[1] - half[1]), column * (size[0] - half[0])
            canvas[top : top + half[1], left : left + half[0]] = image
    return canvas


def _add_grade(view: OffscreenView, overlay: Overlay, place: str) -> None:
    add_corner_text(view.renderer, f"{grade_text(overlay)}\n{place}", _font_size(view.window.GetSize()))


def _add_legend(view: OffscreenView, overlay: Overlay, quantity: str, limit: float) -> None:
    title = f"{quantity}:\n{overlay.classes[overlay.shown_class]}"
    add_color_bar(view.renderer, overlay.colors, title, limit, _font_size(view.window.GetSize()))


def _font_size(size: tuple[int, int], factor: float = 1.0) -> int:
    return round(size[1] * FONT_SHARE * factor)
