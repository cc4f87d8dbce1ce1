import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from training.evaluation import figures
from training.evaluation.bootstrap import Estimate, Resampling
from training.evaluation.decision_curves import decision_curves
from training.evaluation.errors import EvaluationError
from training.evaluation.figure_style import print_style, save

NOTE = "Phantoms only: these show that the software works, and nothing about patients, however good they look."


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
        "reliability": figures.reliability_figure(labels, probabilities, note=NOTE),
        "confusion": figures.confusion_figure(labels, probabilities, note=NOTE),
        "cost": figures.cost_figure(points, cost="Parameters (millions)", quality="Macro AUC", note=NOTE),
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
    axes = figures.reliability_figure(np.array([0, 1, 2]), np.eye(3)).axes[0]
    (point,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert (point.get_xdata(), point.get_ydata()) == ([1.0], [1.0])
    assert not point.get_clip_on()


def test_what_a_reliability_figure_shows_is_not_covered_by_its_legend(every_figure):
    figure = every_figure["reliability"]
    with print_style():
        figure.draw_without_rendering()
    assert figure.axes[0].get_legend() is None
    assert figure.axes[0].get_window_extent().y1 < figure.legends[0].get_window_extent().y0


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
