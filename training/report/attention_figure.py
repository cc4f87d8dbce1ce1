"""Attention of several networks side by side, such as with and without the region graph (the paper's Fig. 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from REACTKDLib.inference.drawing import signed
from REACTKDLib.inference.overlays import blend, diverging, hot, on_grey, smooth_sample
from REACTKDLib.inference.prediction import REFERENCE_ML

from ..cohorts.grades import GRADES
from ..evaluation.checks import class_name
from ..evaluation.figure_style import GREY, PAGE_MM, blank_figure, print_style
from ..explanations.maps import react_kd_map
from .networks import HeldOut, require_one_fold
from .slice_panels import draw_scale, draw_scale_bar, outlined, show, write
from .typical_slices import RULE, Section, section_of, typical_cases

AROUND_MM, SCALES_MM, MARGIN_MM = 24.0, 2.4, 9.0
"""Height of titles, scales' words and note; of the scales; and width of the grades' names at the left."""
WORDS = (
    "Attention: each place's share in the predicted grade's logit, less the mean of all grades; orange speaks for that "
    "grade, blue against it. Each network has a scale of its own, to its strongest attention in these slices; beyond "
    "its field there is none. In the corner: the grade that it predicts, and the probability."
)


@dataclass(frozen=True)
class Attention:
    """A network's in one slice. grade: that it predicts. density: (H, W), logit per `REFERENCE_ML`."""

    grade: int
    probability: float
    density: np.ndarray


def attention_figure(networks: Mapping[str, HeldOut], *, note: str = "") -> Figure:
    """A row for each grade, a column for the CT, the FDG if it is read, and each network by title.

    The first network chooses the cases, as `typical_slices.RULE` says. Raises EvaluationError: other_folds, no_case;
    CaseError where a case's files cannot be read.
    """
    first = require_one_fold(networks)
    chosen = typical_cases(first)
    sections = {grade: section_of(first, name) for grade, name in chosen.items()}
    seen = {
        title: [attention_in(of, name, sections[grade]) for grade, name in chosen.items()]
        for title, of in networks.items()
    }
    fdg = any("fdg" in of.evaluation.inputs for of in networks.values())
    columns = ["CT", *(["FDG"] if fdg else []), *networks]
    text = " ".join(part for part in (RULE.format(first=next(iter(networks))), WORDS, _missing(chosen), note) if part)
    with print_style():
        figure, panels, scales = _grid(len(chosen), len(columns), sections[min(sections)], text)
        for row, (grade, name) in enumerate(chosen.items()):
            _name_row(panels[row, 0], grade, name)
            show(panels[row, 0], outlined(sections[grade].ct, sections[grade]))
            draw_scale_bar(panels[row, 0], sections[grade])
            if fdg:
                _show_uptake(panels[row, 1], sections[grade])
        for axes, title in zip(panels[0], columns, strict=True):
            axes.set_title(title)
        scales[0].set_axis_off()
        if fdg:
            draw_scale(scales[1], on_grey(*hot(np.linspace(0, 1, 256))), ("0", "", "highest\nin the liver"))
        for column, of_network in zip(range(len(columns) - len(networks), len(columns)), seen.values(), strict=True):
            _show_attention(panels[:, column], scales[column], of_network, list(sections.values()))
    return figure


@torch.no_grad()
def attention_in(of: HeldOut, name: str, section: Section) -> Attention:
    """For the grade that the network predicts."""
    ((_, inputs),) = of.batches([name])
    probabilities = of.network(inputs).logits.softmax(1)[0]
    grade = int(probabilities.argmax())
    voxels = react_kd_map(of.network, inputs, torch.tensor([grade], device=of.device))[0].cpu().numpy()
    density = section.feature_grid.image(voxels * np.float32(REFERENCE_ML / section.feature_grid.voxel_ml))
    return Attention(grade, float(probabilities[grade]), smooth_sample(density, section.plane))


def _grid(rows: int, columns: int, section: Section, text: str) -> tuple[Figure, np.ndarray, Sequence[Axes]]:
    """Panels (rows, columns), and below each column the axes of its scale."""
    height, width = section.ct.shape[:2]
    panel_mm = (PAGE_MM - MARGIN_MM) / columns * height / width
    figure = blank_figure(PAGE_MM, rows * panel_mm + AROUND_MM + SCALES_MM, text)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.03, wspace=0.01, hspace=0.01)
    axes = figure.subplots(rows + 1, columns, squeeze=False, height_ratios=[panel_mm] * rows + [SCALES_MM])
    for panel in axes[:-1].flat:
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    return figure, axes[:-1], axes[-1]


def _show_uptake(axes: Axes, section: Section) -> None:
    if section.fdg is None:
        axes.text(0.5, 0.5, "no FDG PET", color=GREY, ha="center", va="center", transform=axes.transAxes)
    else:
        show(axes, outlined(section.fdg, section))


def _show_attention(
    panels: Sequence[Axes], scale: Axes, seen: Sequence[Attention], sections: Sequence[Section]
) -> None:
    limit = max(float(np.abs(attention.density).max()) for attention in seen)
    for axes, attention, section in zip(panels, seen, sections, strict=True):
        picture = section.ct.copy()
        blend(picture, *diverging(attention.density / (limit or 1.0)))
        show(axes, outlined(picture, section))
        write(axes, 0.03, 0.04, f"{_short(attention.grade)}, {attention.probability:.0%}", "left", "bottom")
    ends = [f"{signed(value)}\n{word}".replace("-", "−") for value, word in ((-limit, "against"), (limit, "for"))]
    middle = f"0\nlogit per {REFERENCE_ML:.0f} mL"
    draw_scale(scale, on_grey(*diverging(np.linspace(-1, 1, 256))), (ends[0], middle, ends[1]))


def _name_row(axes: Axes, grade: int, name: str) -> None:
    axes.set_ylabel(f"{_short(grade).capitalize()}\n", fontsize=7)
    axes.text(-0.02, 0.5, name, rotation=90, ha="right", va="center", fontsize=5, color=GREY, transform=axes.transAxes)


def _missing(chosen: Mapping[int, str]) -> str:
    lacking = [_short(grade) for grade in range(len(GRADES)) if grade not in chosen]
    return f"No case to show of: {', '.join(lacking)}." if lacking else ""


def _short(grade: int) -> str:
    return class_name(grade).split()[0].lower()
