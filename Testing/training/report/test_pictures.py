from dataclasses import replace
from functools import partial

import pytest
from matplotlib.figure import Figure

from REACTKDLib.imaging.errors import CaseError
from Testing.training.evaluation.made_runs import FOLDS, write_run
from training.data.draw_settings import NATIVE
from training.engine.settings import StudentSettings
from training.evaluation.bootstrap import Resampling
from training.evaluation.entries import Entry
from training.evaluation.run_folder import read_run
from training.evaluation.summary import summarise
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.reading import read_experiment, to_tree, write_tree
from training.methods import method_class
from training.report.pictures import COMPARED, Pictures, forest_picture, prediction_pictures
from training.report.titles import titles

REFERENCE = Entry("student-react_kd", "ct", NATIVE)


@pytest.fixture
def pictures_of(tmp_path):
    """Of a run that has predictions of these students."""

    def pictures_of(experiment: Experiment, reference: Entry = REFERENCE, **options) -> Pictures:
        run = write_run(tmp_path / "run", {f"student-{name}": 1.0 for name in experiment.students}, **options)
        return prediction_pictures(experiment, read_run(run), reference, "Phantoms.")

    return pictures_of


def of_stems(pictures: Pictures, start: str) -> list:
    return [picture for picture in pictures.drawn if picture.stem.startswith(start)]


def few(**settings: StudentSettings) -> Experiment:
    students = {"react_kd": StudentSettings(), "alone": StudentSettings(method="alone", teacher=None), **settings}
    return Experiment(phantoms=PhantomCohort(), students=students)


def test_decision_curves_are_of_the_papers_methods_and_a_control_and_the_caption_names_all_others(pictures_of):
    experiment = read_experiment("table1")
    macro = of_stems(pictures_of(experiment), "decision_macro")[0]
    named = titles(experiment, [f"student-{name}" for name in experiment.students])
    legend = {text.get_text() for text in macro.figure.legends[0].get_texts()}
    assert "REACT-KD" in legend
    shown = {job for job, title in named.items() if title in legend}
    assert len(shown) == len(legend) == COMPARED
    methods = {f"student-{name}": settings.method for name, settings in experiment.students.items()}
    variants = {"student-of_ct_teacher", "student-react_kd_own_cbam", "student-without_rgd"}
    papers = {job for job, method in methods.items() if method_class(method).published} - variants
    assert len(papers) == 7
    assert papers < shown
    assert [methods[job] for job in shown - papers] == ["alone"]
    left_out = macro.caption.partition("Left out, for want of room: ")[2]
    assert set(left_out.removesuffix(".").split(", ")) == methods.keys() - shown


def test_networks_that_were_tested_on_other_cases_are_left_out_by_name(pictures_of, tmp_path):
    experiment = few(late=StudentSettings())
    assert "Left out" not in of_stems(pictures_of(experiment), "decision_macro")[0].caption
    run = tmp_path / "run"
    for fold in range(3):
        path = run / f"fold{fold}/seed0/student-late/predictions.csv"
        path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    again = prediction_pictures(experiment, read_run(run), REFERENCE, "")
    assert of_stems(again, "decision_macro")[0].caption.endswith("Left out, tested on other cases: student-late.")


def test_with_several_seeds_every_caption_says_of_which_the_figure_is(pictures_of):
    found = pictures_of(few(), seeds=(0, 3), unfinished=[(1, 0, "student-react_kd")])
    assert len(found.drawn) > 7
    for picture in found.drawn:
        of_one = "of each network its first complete seed" if picture.stem.startswith("decision") else "seed 3, the fir"
        assert of_one in picture.caption


def test_with_one_seed_no_caption_speaks_of_it(pictures_of):
    assert not any("seed" in picture.caption for picture in pictures_of(few()).drawn)


@pytest.mark.parametrize(("only", "words"), [(None, "all folds"), ((1,), "fold 1 only"), ((0, 2), "folds 0, 2 only")])
def test_every_caption_says_which_folds_the_cases_are_of(tmp_path, only, words):
    experiment = replace(few(), only_folds=only)
    run = write_run(tmp_path / "run", {f"student-{name}": 1.0 for name in experiment.students})
    write_tree(to_tree(experiment), run / "config.yaml")
    results = summarise(run, names=("auc",), settings=Resampling(50))
    found = prediction_pictures(experiment, read_run(run), REFERENCE, "").drawn
    (forest,) = forest_picture(experiment, results, "").drawn
    assert len(found) > 7
    for picture in (forest, *found):
        assert f"held-out cases of {words}" in picture.caption
        assert ("all folds" in picture.caption) == (only is None)
    (roc,) = (picture for picture in found if picture.stem == "roc")
    assert ("Scores of the folds' networks are in one curve" in roc.caption) == (only != (1,))


def test_captions_speak_of_intervals_where_there_are_patients_enough_for_them(pictures_of, tmp_path):
    """Five patients: three of the first fold, who have all grades, and one of each other."""
    five = [*FOLDS[0][:3], FOLDS[1][0], FOLDS[2][0]]
    of_many = pictures_of(few()).drawn
    run = write_run(tmp_path / "small", {"student-react_kd": 1.0, "student-alone": 1.0}, only={"ct": five})
    of_few = prediction_pictures(few(), read_run(run), REFERENCE, "").drawn
    assert len(of_many) == len(of_few) > 7
    assert all("95% intervals" in picture.caption for picture in of_many if picture.stem != "confusion")
    assert not any("interval" in picture.caption for picture in of_few)


def test_inputs_without_a_case_of_some_grade_have_no_figures_and_it_is_said(pictures_of):
    well = [name for names in FOLDS for name in names[::3]]
    found = pictures_of(few(), Entry("student-react_kd", "fdg", NATIVE), inputs=("ct", "fdg"), only={"fdg": well})
    assert found.drawn == []
    (line,) = found.left_out
    assert "student-react_kd (fdg, native): not defined, no case of grade moderately differentiated, poorly" in line


def test_a_case_that_cannot_be_read_costs_its_own_figure_only():
    def fail() -> Figure:
        raise CaseError("unreadable", "The CT of case 3 is damaged.")

    pictures = Pictures()
    pictures.add("attention", "Attention.", fail)
    pictures.add("embedding", "Features.", partial(Figure))
    assert [picture.stem for picture in pictures.drawn] == ["embedding"]
    assert pictures.left_out == ["Figure attention: The CT of case 3 is damaged."]
