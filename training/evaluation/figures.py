"""The figures of an evaluation. Each takes a note, such as what the cases are, and prints it below."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from .bootstrap import RESAMPLING, Estimate, Resampling
from .calibration import reliability_curve
from .checks import check_scores, class_name
from .confusion import confusion_matrix
from .decision_curves import DecisionCurve
from .figure_style import COLORS, DASHES, GREY, MARKERS, new_figure, print_style
from .metrics import measure
from .roc import GRID, roc_curves
from .scores import BINS, top_label

FOREST_PITCH_MM, FOREST_GAP_MM, FOREST_ROW_MM = 1.5, 1.4, 4.2
"""Between the inputs of a method; between methods; and the least height of a method, for its name."""
LEGEND_COLUMNS, LEGEND_ROW_MM = 3, 3.4
LEGEND_CHARACTERS, SAMPLE_CHARACTERS = 72, 10
"""That fit into a row of a legend as wide as a journal's column, and that the sample of a line takes of them."""


@dataclass(frozen=True)
class CostPoint:
    """One method in `cost_figure`: what it costs and how good it is."""

    name: str
    cost: float
    quality: Estimate


def roc_figure(
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
    *,
    settings: Resampling = RESAMPLING,
    note: str = "",
) -> Figure:
    """ROC curve of each grade against the rest, with its pointwise band. labels: (N,). probabilities: (N, K)."""
    curves = roc_curves(labels, probabilities, patients, settings)
    with print_style():
        figure, axes = new_figure(84, note)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.6)
        for index, curve in enumerate(curves):
            area = curve.auc
            name = f"{_short(index, len(curves))}: {area.value:.2f}"
            name += "" if area.low is None else f" [{area.low:.2f}, {area.high:.2f}]"
            if curve.low is not None:
                axes.fill_between(GRID, curve.low, curve.high, color=COLORS[index], alpha=0.15, linewidth=0)
            axes.plot(
                curve.false_positive_rate,
                curve.sensitivity,
                color=COLORS[index],
                linestyle=DASHES[index],
                label=name,
            )
        axes.legend(loc="lower right", title=f"AUC [{settings.level:.0%} interval]", alignment="left")
        _unit_square(axes, "1 − specificity", "Sensitivity")
    return figure


def decision_figure(curves: Mapping[str, DecisionCurve], *, note: str = "") -> Figure:
    """Net benefit of models by name, all for one outcome of the same cases, beside treating all and none.

    With their bands, where they have one. A line that goes on below the frame has an arrow there: of near certainties
    a single wrong one costs more than all that there is to gain.
    """
    first = next(iter(curves.values()))
    with print_style():
        figure, axes = new_figure(60 + _legend_mm(curves), note)
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.plot(first.thresholds, first.treat_all, color=GREY, linewidth=1.1)
        for index, (name, curve) in enumerate(curves.items()):
            look = _look(index, linestyle=DASHES)
            if curve.low is not None:
                axes.fill_between(curve.thresholds, curve.low, curve.high, color=look["color"], alpha=0.15, linewidth=0)
            axes.plot(curve.thresholds, curve.model, **look, label=name)
        top = max(*(curve.model.max() for curve in curves.values()), first.treat_all.max())
        lowest = min(-0.12 * top, 1.05 * min(curve.model.min() for curve in curves.values()))
        axes.set(xlim=(0, 1), ylim=(max(lowest, -top / 2), 1.08 * top))
        for line in list(axes.lines):
            _mark_leaving(axes, line)
        axes.set(xlabel="Threshold probability", ylabel="Net benefit")
        _label_treat_all(axes, first)
        axes.text(0.01, -0.01 * top, "treat none", color=GREY, va="top", fontsize=6.5)
        axes.set_title(first.name, loc="left")
        _legend_above(figure, axes)
    return figure


def reliability_figure(
    labels: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
    *,
    settings: Resampling = RESAMPLING,
    note: str = "",
) -> Figure:
    """Share of right decisions by confidence, with its intervals, over the number of cases.

    labels: (N,). probabilities: (N, K).
    """
    curve = reliability_curve(labels, probabilities, patients, settings)
    error = measure(labels, probabilities, ("ece",))["ece"]
    with print_style():
        figure, axes = new_figure(96, note)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.6)
        confidence, _ = top_label(labels, probabilities)
        share = np.full(len(labels), 1 / len(labels))
        edges = np.linspace(0, 1, BINS + 1)
        axes.hist(confidence, edges, weights=share, rwidth=0.8, color=COLORS[5], alpha=0.45, label="share of cases")
        axes.vlines(
            curve.confidence,
            curve.confidence,
            curve.accuracy,
            color=COLORS[1],
            linewidth=3,
            alpha=0.45,
            label="gap to confidence",
        )
        # Not clipped: what is always right lies on the border.
        points = {"color": COLORS[0], "marker": "o", "linestyle": "none", "clip_on": False, "zorder": 3}
        around, label = None, "right decisions"
        if curve.low is not None:
            around = np.stack([curve.accuracy - curve.low, curve.high - curve.accuracy])
            label += f" [{settings.level:.0%} interval]"
        axes.errorbar(curve.confidence, curve.accuracy, yerr=around, **points, elinewidth=0.8, capsize=1.5, label=label)
        axes.set_title(f"ECE {error:.3f}, {BINS} bins", loc="left")
        _unit_square(axes, "Confidence in the chosen grade", "Share")
        _legend_above(figure, axes)
    return figure


def confusion_figure(labels: np.ndarray, probabilities: np.ndarray, *, note: str = "") -> Figure:
    """Cases by true and predicted grade, shaded by share of the true grade. labels: (N,). probabilities: (N, K)."""
    check_scores(labels, probabilities)
    classes = probabilities.shape[1]
    counts = confusion_matrix(labels, probabilities.argmax(1), np.ones(len(labels)), classes).astype(int)
    shares = counts / counts.sum(1, keepdims=True)
    names = [_short(index, classes) for index in range(classes)]
    with print_style():
        figure, axes = new_figure(76, note)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for true, predicted in np.ndindex(*counts.shape):
            share = shares[true, predicted]
            axes.text(
                predicted,
                true,
                f"{counts[true, predicted]}\n{share:.0%}",
                ha="center",
                va="center",
                color="white" if share > 0.5 else "black",
            )
        axes.set_xticks(range(classes), names)
        axes.set_yticks(range(classes), names, rotation=90, va="center")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(xlabel="Predicted grade", ylabel="True grade")
    return figure


def cost_figure(points: Sequence[CostPoint], *, cost: str, quality: str, note: str = "") -> Figure:
    """Quality, in %, with its interval against cost, on a logarithmic axis. cost, quality: what the axes say."""
    with print_style():
        figure, axes = new_figure(62 + _legend_mm([point.name for point in points]), note)
        for index, point in enumerate(points):
            values, around = _in_percent([point.quality])
            look = _look(index, marker=MARKERS) | {"linestyle": "none", "elinewidth": 0.8, "capsize": 1.5}
            axes.errorbar(point.cost, values, yerr=around, label=point.name, **look)
        costs = [point.cost for point in points]
        axes.set(xscale="log", xlim=(min(costs) / 1.6, max(costs) * 1.6), xlabel=cost, ylabel=f"{quality}, %")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        _legend_above(figure, axes)
    return figure


def forest_figure(estimates: Mapping[str, Mapping[str, Estimate]], *, quality: str, note: str = "") -> Figure:
    """A band for each method, and in it its value and interval, in %, for each of the inputs that it reads.

    estimates: inputs -> method -> value, in the order to be drawn, from above. quality: what the axis says.
    """
    methods = list(dict.fromkeys(name for of_inputs in estimates.values() for name in of_inputs))
    read = {name: [inputs for inputs, of_inputs in estimates.items() if name in of_inputs] for name in methods}
    heights = [max(FOREST_ROW_MM, FOREST_GAP_MM + FOREST_PITCH_MM * len(read[name])) for name in methods]
    edges = np.cumsum([0, *heights])
    middles = dict(zip(methods, (edges[:-1] + edges[1:]) / 2, strict=True))
    with print_style():
        figure, axes = new_figure(18 + _legend_mm(estimates) + edges[-1], note)
        for top, bottom in zip(edges[:-1:2], edges[1::2], strict=True):
            axes.axhspan(top, bottom, color=GREY, alpha=0.1, linewidth=0)
        for index, (inputs, of_inputs) in enumerate(estimates.items()):
            values, around = _in_percent(list(of_inputs.values()))
            # One below the other, around the middle of their band.
            steps = [read[name].index(inputs) - (len(read[name]) - 1) / 2 for name in of_inputs]
            rows = [middles[name] + step * FOREST_PITCH_MM for name, step in zip(of_inputs, steps, strict=True)]
            look = _look(index, marker=MARKERS) | {"linestyle": "none", "elinewidth": 0.8, "markersize": 3}
            axes.errorbar(values, rows, xerr=around, label=inputs, **look)
        axes.set_yticks(list(middles.values()), methods)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(edges[-1], 0)
        axes.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.5)
        axes.set(xlabel=f"{quality}, %")
        _legend_above(figure, axes)
    return figure


def _in_percent(estimates: Sequence[Estimate]) -> tuple[np.ndarray, np.ndarray]:
    """Values (N,), and how far their intervals reach below and above, (2, N); NaN, which draws none, without one."""
    values, low, high = 100 * np.array([(of.value, of.low, of.high) for of in estimates], dtype=float).T
    return values, np.stack([values - low, high - values])


def _legend_above(figure: Figure, axes: Axes) -> None:
    """Many methods' names would cover what is drawn."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=_legend_columns(names), columnspacing=1.2)


def _legend_columns(names: Iterable[str]) -> int:
    return min(LEGEND_COLUMNS, max(1, LEGEND_CHARACTERS // (SAMPLE_CHARACTERS + max(map(len, names)))))


def _legend_mm(names: Collection[str]) -> float:
    return LEGEND_ROW_MM * np.ceil(len(names) / _legend_columns(names))


def _short(index: int, classes: int) -> str:
    return class_name(index, classes).removesuffix(" differentiated")


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y, aspect="equal")


def _label_treat_all(axes: Axes, curve: DecisionCurve) -> None:
    """Left of its line, low down: the models' lines are above."""
    place = int(np.argmin(np.abs(curve.treat_all - curve.treat_all.max() / 3)))
    axes.annotate(
        "treat all",
        (curve.thresholds[place], curve.treat_all[place]),
        xytext=(-3, 0),
        textcoords="offset points",
        color=GREY,
        ha="right",
        va="top",
        fontsize=6.5,
    )


def _mark_leaving(axes: Axes, line: Line2D) -> None:
    """An arrow where it first goes on below the frame."""
    bottom, (x, y) = axes.get_ylim()[0], line.get_data(orig=False)
    if (below := y < bottom).any():
        place = max(int(below.argmax()), 1)
        where = np.interp(-bottom, -y[place - 1 : place + 1], x[place - 1 : place + 1])
        axes.plot(where, bottom, color=line.get_color(), marker="v", markersize=3, clip_on=False)


def _look(index: int, **kinds: Sequence) -> dict[str, object]:
    """Color and dashes or marker of one of up to 56 methods, no two alike."""
    turn = index // len(COLORS)
    return {"color": COLORS[index % len(COLORS)]} | {
        name: values[(index + turn) % len(values)] for name, values in kinds.items()
    }
