from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from training.evaluation import figures
from training.evaluation.bootstrap import Estimate, Resampling
from training.evaluation.decision_curves import DecisionCurve, decision_curves
from training.evaluation.errors import EvaluationError
from training.evaluation.figure_style import print_style, save

NOTE = "Phantoms only: these show that the software works, and nothing about patients, however good they look."


def forest(inputs: int, methods: int = 7) -> Figure:
    """Of methods that all read these kinds of inputs, and a last one that reads the first alone."""
    of = Estimate(0.8, 0.7, 0.85)
    names = [f"method {index}" for index in range(methods)]
    estimates = {f"inputs {index}": dict.fromkeys(names, of) for index in range(inputs)}
    estimates["inputs 0"]["last"] = of
    return figures.forest_figure(estimates, quality="Macro AUC", note=NOTE)


@pytest.fixture
def every_figure(scores):
    labels, probabilities = scores(0, cases=90, skill=1.5)
    other = scores(1, cases=90, skill=0.3)[1]
    patients = [f"p{index}" for index in range(90)]
    curves = {
        "one": decision_curves(labels, probabilities)["macro"],
        "other": decision_curves(labels, other)["macro"],
    }
    points = [figures.CostPoint(f"method {index}", 2.0 + index, Estimate(0.8, 0.7, 0.85)) for index in range(9)]
    return {
        "roc": figures.roc_figure(labels, probabilities, patients, settings=Resampling(50), note=NOTE),
        "decision": figures.decision_figure(curves, note=NOTE),
        "reliability": figures.reliability_figure(labels, probabilities, patients, settings=Resampling(50), note=NOTE),
        "confusion": figures.confusion_figure(labels, probabilities, note=NOTE),
        "cost": figures.cost_figure(points, cost="Parameters (millions)", quality="Macro AUC", note=NOTE),
        "forest": forest(5),
    }


def test_every_figure_is_a_column_wide_in_vectors_and_300_dpi(every_figure, tmp_path):
    for name, figure in every_figure.items():
        pdf, png = save(figure, tmp_path / name)
        assert pdf.read_bytes().startswith(b"%PDF")
        assert imread(png).shape[1] == pytest.approx(88 / 25.4 * 300, abs=1)


def test_every_figure_says_what_it_is_of_within_its_borders(every_figure):
    for figure in every_figure.values():
        figure.draw_without_rendering()
        note = figure._supxlabel
        assert note.get_text().replace("\n", " ") == NOTE
        box = note.get_window_extent()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.axes[0].xaxis.label.get_window_extent().y0


def test_the_same_figure_is_the_same_file(every_figure, tmp_path):
    one, _ = save(every_figure["confusion"], tmp_path / "one")
    other, _ = save(every_figure["confusion"], tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


def test_nothing_outside_the_figure_changes(scores):
    before = dict(matplotlib.rcParams)
    figures.confusion_figure(*scores(0))
    assert dict(matplotlib.rcParams) == before


def test_the_confusion_matrix_shows_the_counts():
    labels = np.array([0, 0, 0, 0, 1, 2])
    decisions = np.array([0, 0, 0, 2, 1, 2])
    axes = figures.confusion_figure(labels, np.eye(3)[decisions]).axes[0]
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown[(0, 0)] == "3\n75%"
    assert shown[(2, 0)] == "1\n25%"
    assert shown[(1, 0)] == "0\n0%"


def test_no_two_of_many_methods_look_alike():
    points = [figures.CostPoint(str(index), 1.0 + index, Estimate(0.8, 0.7, 0.9)) for index in range(40)]
    axes = figures.cost_figure(points, cost="ms", quality="AUC").axes[0]
    looks = [(box.lines[0].get_color(), box.lines[0].get_marker()) for box in axes.containers]
    assert len(looks) == 40
    assert len(set(looks)) == 40


def test_every_curve_of_a_full_figure_has_a_colour_of_its_own(scores):
    curve = decision_curves(*scores(0))["macro"]
    axes = figures.decision_figure({f"method {index}": curve for index in range(8)}).axes[0]
    drawn = [line for line in axes.lines if line.get_label().startswith("method")]
    assert len({line.get_color() for line in drawn}) == 8


def test_a_confidence_that_is_always_right_is_seen_whole():
    axes = figures.reliability_figure(np.array([0, 1, 2]), np.eye(3), ["a", "b", "c"]).axes[0]
    (point,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert (point.get_xdata(), point.get_ydata()) == ([1.0], [1.0])
    assert not point.get_clip_on()


def test_what_a_reliability_figure_shows_is_not_covered_by_its_legend(every_figure):
    figure = every_figure["reliability"]
    with print_style():
        figure.draw_without_rendering()
    assert figure.axes[0].get_legend() is None
    assert figure.axes[0].get_window_extent().y1 < figure.legends[0].get_window_extent().y0


def test_a_reliability_figure_has_an_interval_for_each_bin_where_there_are_patients_enough(scores):
    labels, probabilities = scores(0, cases=90, skill=1.5)
    few = figures.reliability_figure(np.array([0, 1, 2]), np.eye(3), ["a", "b", "c"])
    many = figures.reliability_figure(labels, probabilities, range(90), settings=Resampling(50, level=0.9))
    assert "right decisions" in [text.get_text() for text in few.legends[0].get_texts()]
    assert not few.axes[0].containers[-1].has_yerr
    assert "right decisions [90% interval]" in [text.get_text() for text in many.legends[0].get_texts()]
    points, _, (bars,) = many.axes[0].containers[-1]
    drawn = [(x, *bar[:, 1]) for x, bar in zip(points.get_ydata(), bars.get_segments(), strict=True) if len(bar)]
    assert len(drawn) > 3
    assert all(0 <= low < share < high <= 1 for share, low, high in drawn)


def test_of_decision_curves_those_that_have_a_band_show_it(scores):
    labels, probabilities = scores(0, cases=90)
    own = decision_curves(labels, probabilities, patients=range(90), settings=Resampling(50))["macro"]
    axes = figures.decision_figure({"own": own, "other": decision_curves(labels, probabilities)["macro"]}).axes[0]
    (band,) = axes.collections
    (line,) = [line for line in axes.lines if line.get_label() == "own"]
    assert to_rgb(band.get_facecolor()[0]) == to_rgb(line.get_color())
    low, high = band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max()
    assert (low, high) == pytest.approx((own.low.min(), own.high.max()))


def test_a_net_benefit_that_falls_below_the_frame_has_an_arrow_where_it_leaves():
    thresholds = np.array([0.2, 0.4, 0.6, 0.8])
    falls = DecisionCurve("Mean over grades", thresholds, np.array([0.3, 0.1, 0.0, -0.6]), np.full(4, 0.1))
    stays = DecisionCurve("Mean over grades", thresholds, np.array([0.3, 0.1, 0.0, 0.05]), np.full(4, 0.1))
    axes = figures.decision_figure({"stays": stays, "falls": falls}).axes[0]
    bottom = axes.get_ylim()[0]
    assert bottom == pytest.approx(-0.15)
    (arrow,) = [line for line in axes.lines if line.get_marker() == "v"]
    assert arrow.get_color() == figures.COLORS[1]
    assert np.ravel(arrow.get_data()) == pytest.approx([0.65, bottom])


@pytest.mark.parametrize("inputs", range(1, 7))
def test_in_a_forest_no_marker_is_cut_none_covers_another_and_each_stands_beside_its_name(inputs):
    with print_style():
        figure = forest(inputs)
        figure.draw_without_rendering()
    axes = figure.axes[0]
    frame = axes.get_window_extent()
    size = 3 / 72 * figure.dpi
    markers = [axes.transData.transform(container[0].get_xydata())[:, 1] for container in axes.containers]
    every = np.sort(np.concatenate(markers))
    assert frame.y0 + size / 2 < every[0]
    assert every[-1] < frame.y1 - size / 2
    assert (np.diff(every) > 1.1 * size).all()
    of_methods = [markers[0][-1:], *np.stack([of[:7] for of in markers], axis=1)[::-1]]
    within = np.concatenate([-np.diff(of) for of in of_methods])
    between = [above.min() - below.max() for below, above in pairwise(of_methods)]
    assert min(between) > 1.4 * max(within, default=size)
    labels = [label.get_window_extent() for label in axes.get_yticklabels()[::-1]]
    assert [label.y0 + label.height / 2 for label in labels] == pytest.approx(
        [of.mean() for of in of_methods], abs=size
    )
    assert all(below.y1 < above.y0 for below, above in pairwise(labels))


def test_in_a_forest_every_second_method_lies_on_a_band_that_holds_all_its_markers():
    axes = forest(3).axes[0]
    bands = [(band.get_y(), band.get_y() + band.get_height()) for band in axes.patches]
    rows = np.stack([container[0].get_ydata()[:7] for container in axes.containers], axis=1)
    assert len(bands) == 4
    for index, of_method in enumerate(rows):
        inside = [bool(((low < of_method) & (of_method < high)).all()) for low, high in bands]
        assert inside.count(True) == (index % 2 == 0)


def test_qualities_are_in_percent_as_tables_have_them_and_without_an_interval_have_no_bar():
    of = {"one": Estimate(0.8, 0.7, 0.85), "other": Estimate(0.6, None, None)}
    forest = figures.forest_figure({"ct": of}, quality="Macro AUC").axes[0]
    points = [figures.CostPoint(name, 2.0, estimate) for name, estimate in of.items()]
    cost = figures.cost_figure(points, cost="ms", quality="Macro AUC").axes[0]
    assert forest.get_xlabel() == cost.get_ylabel() == "Macro AUC, %"
    (line, _, (bars,)) = forest.containers[0]
    assert line.get_xdata() == pytest.approx([80, 60])
    assert bars.get_segments()[0][:, 0] == pytest.approx([70, 85])
    assert np.size(bars.get_segments()[1]) == 0
    assert cost.containers[0][0].get_ydata() == pytest.approx([80])


def test_a_figure_that_cannot_be_written_says_so(every_figure, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match="cannot be written"):
        save(every_figure["confusion"], tmp_path / "file" / "figure")


@pytest.mark.parametrize(
    "longest", ["at", "student-awmtkd", "student-dropout_alone", "student-without_modality_dropout"]
)
def test_the_names_of_many_methods_stand_above_the_figure_and_within_its_borders(scores, longest):
    curve = decision_curves(*scores(0))["macro"]
    names = [longest, *(f"{longest[:-2]}{index}" for index in range(7))]
    points = [figures.CostPoint(name, 2.0, Estimate(0.8, 0.7, 0.85)) for name in names]
    for figure in (
        figures.decision_figure(dict.fromkeys(names, curve)),
        figures.cost_figure(points, cost="ms", quality="AUC"),
    ):
        with print_style():
            figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert figure.axes[0].get_window_extent().y1 < box.y0
        assert figure.axes[0].get_window_extent().height > 38 / 25.4 * figure.dpi
