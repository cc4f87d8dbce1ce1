"""Slices through the most attended region, with the attention or the PET over the CT."""

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from PIL import Image

from ..imaging.geometry import Geometry
from .depiction import attention_density, density_limit, sample, slice_point
from .drawing import (
    BLACK,
    FOOTER,
    HEIGHT,
    WHITE,
    WIDTH,
    YELLOW,
    Pen,
    Picture,
    encoded,
    lesion_number,
    signed,
)
from .overlays import LEVEL, WINDOW, blend, ct_picture, depth_of, diverging, hot, on_grey, smooth_sample, stroke
from .prediction import FADE_MM, REFERENCE_ML, Prediction
from .views import AXIAL, CORONAL, SAGITTAL, View, plane_through, row_ends

PALE_CYAN = (160, 235, 235)

TRACER_NAMES = {"fdg": "18F-FDG", "act": "11C-acetate"}


def slice_pictures(prediction: Prediction, ct: sitk.Image, pet: Mapping[str, sitk.Image]) -> list[Picture]:
    """Attention on axial, coronal and sagittal CT through `prediction.most_attended`, then each tracer on axial CT.

    ct: HU. pet: one image a tracer, on any grid. All three planes meet in the region's voxel nearest its centroid, so
    each of them contains the region even where the centroid does not.
    """
    target = prediction.most_attended
    shown = target.name if prediction.lesions else "the liver"
    liver = row_ends(prediction.regions)
    anchor = slice_point(prediction.regions, target)

    pictures = []
    attention, limit = attention_density(prediction, prediction.grade), density_limit(prediction)
    for view in (AXIAL, CORONAL, SAGITTAL):
        section = _Slice(prediction, ct, view, plane_through(view, liver, anchor))
        section.lay_attention(attention, limit)
        caption = (
            f"{view.name.capitalize()} CT through {shown} ({view.position(anchor)}): "
            f"orange speaks for {prediction.grade_name}, blue against it."
        )
        pictures.append(Picture(view.name, caption, section.png()))

    for tracer, image in pet.items():
        name = TRACER_NAMES.get(tracer, tracer)
        uptake = max((node.pet[tracer].max for node in prediction.nodes if tracer in node.pet), default=0.0)
        section = _Slice(prediction, ct, AXIAL, plane_through(AXIAL, liver, anchor))
        section.lay_pet(image, uptake, name)
        caption = f"{name} PET on axial CT through {shown} ({AXIAL.position(anchor)})."
        pictures.append(Picture(f"pet_{tracer}", caption, section.png()))
    return pictures


class _Slice:
    """One CT slice, on which one overlay is laid, and then outlines, letters and its legend are drawn."""

    def __init__(self, prediction: Prediction, ct: sitk.Image, view: View, plane: Geometry):
        self.prediction = prediction
        self.view = view
        self.plane = plane
        self.labels = sample(prediction.regions, plane, sitk.sitkNearestNeighbor, 0)[0]
        self.liver_depth = depth_of(self.labels > 0, plane.spacing[0])
        self.rgb = ct_picture(ct, plane)
        self.legend: tuple[np.ndarray, tuple[str, ...], str]

    def lay_attention(self, attention: sitk.Image, limit: float) -> None:
        values = smooth_sample(attention, self.plane)
        outside_mm = -self.liver_depth * self.plane.spacing[0]
        colours, opacity = diverging(values / limit if limit else values)
        blend(self.rgb, colours, opacity * np.clip(1.0 - outside_mm / FADE_MM, 0.0, 1.0))
        ticks = (signed(-limit), "0", signed(limit)) if limit else ("", "0", "")
        title = f"attention, logit per {REFERENCE_ML:.0f} mL"
        self.legend = (on_grey(*diverging(np.linspace(-1.0, 1.0, 256))), ticks, title)

    def lay_pet(self, pet: sitk.Image, uptake: float, name: str) -> None:
        values = sample(pet, self.plane, sitk.sitkLinear, 0.0)[0].astype(np.float32)
        limit = uptake if uptake > 0 else max(float(values.max()), 1e-6)
        blend(self.rgb, *hot(values / limit))
        self.legend = (
            on_grey(*hot(np.linspace(0.0, 1.0, 256))),
            ("0", "", f"{limit:.0f}" if limit >= 100 else f"{limit:.3g}"),
            f"{name}, unit of the file",
        )

    def png(self) -> bytes:
        marks = self._outline()
        canvas = Image.new("RGB", (WIDTH, HEIGHT + FOOTER), BLACK)
        canvas.paste(Image.fromarray(self.rgb.round().astype(np.uint8)))
        pen = Pen(canvas)
        for x, y, number, anchor in marks:
            pen.text(x, y, number, 19, anchor, WHITE, BLACK)
        pen.letters(self.view.letters, WHITE, BLACK)
        pen.scale_bar(self.plane.spacing[0], WHITE)
        pen.text(236, HEIGHT + 40, f"W {WINDOW:.0f}  L {LEVEL:.0f}", 15, "lm", (190, 190, 190))
        pen.colour_bar(WIDTH - 290, 270, *self.legend, WHITE)
        return encoded(canvas)

    def _outline(self) -> list[tuple[float, float, str, str]]:
        """Draws the liver and the lesions in this slice. Returns position, number and text anchor of each lesion."""
        stroke(self.rgb, self.liver_depth, 1.5, PALE_CYAN, halo=0.0)
        marks = []
        target = self.prediction.most_attended
        lesions = sorted(self.prediction.lesions, key=lambda node: node == target)
        for node in lesions:
            mask = self.labels == node.label
            if mask.any():
                chosen = node == target
                depth = depth_of(mask, self.plane.spacing[0])
                stroke(self.rgb, depth, 3.0 if chosen else 1.9, YELLOW if chosen else WHITE, halo=1.2)
                marks.append(_number_place(mask, depth, lesion_number(node.name)))
        return marks


def _number_place(mask: np.ndarray, depth: np.ndarray, number: str) -> tuple[float, float, str, str]:
    """In the middle of a lesion that has room for its number, else beside it: position, number, text anchor."""
    if depth.max() > 22:
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        return float(column), float(row), number, "mm"
    rows, columns = np.nonzero(mask)
    return float(columns.max() + 5), float(rows.min() - 1), number, "ls"
