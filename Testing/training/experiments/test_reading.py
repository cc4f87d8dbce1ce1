from dataclasses import replace
from pathlib import Path

import pytest

from training.engine.settings import Optimisation
from training.experiments.checks import check_settings
from training.experiments.config import Experiment
from training.experiments.errors import ExperimentError
from training.experiments.network_checks import check_networks
from training.experiments.reading import read_experiment, shipped_names, to_tree, write_tree


@pytest.fixture
def read(tmp_path):
    """The experiment of a text of YAML."""

    def read(text: str, *changes: str) -> Experiment:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return read_experiment(str(path), changes)

    return read


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_experiment_can_be_read_and_trained(name):
    experiment = read_experiment(name)
    if experiment.phantoms is None:
        experiment = replace(experiment, cohort=Path("cohort.csv"))
    check_settings(experiment)
    check_networks(experiment, ("fdg", "act"))


def test_the_external_table_has_another_hospital_at_the_doses_of_the_paper():
    experiment = read_experiment("table4")
    own, other = experiment.phantoms.look, experiment.external.phantoms.look
    assert experiment.external.dose_levels == ("mild", "severe", "mixed")
    assert other.ct_noise_hu > own.ct_noise_hu
    assert other.pet_counts_per_kbq < own.pet_counts_per_kbq
    # What the grade does to a patient is the same in both.
    for of_grade in ("fdg_ratio", "act_ratio", "enhancement_hu", "texture_hu", "overlap", "grade_effect"):
        assert getattr(own, of_grade) == getattr(other, of_grade)


def test_the_paper_needs_a_cohort_and_says_how_to_give_it():
    with pytest.raises(ExperimentError, match="--cohort FILE"):
        check_settings(read_experiment("paper"))


def test_what_is_not_said_keeps_its_default(read):
    experiment = read("teachers: {big: {optimisation: {learning_rate: 1e-3}}}")
    assert experiment.teachers["big"].optimisation == Optimisation(epochs=150, batch_size=2, learning_rate=1e-3)
    assert experiment.students == Experiment().students
    assert read("") == Experiment()


def test_an_experiment_comes_back_from_what_is_written_of_it(read, experiment, tmp_path):
    for whole in (experiment, read("cohort: somewhere.csv", "seeds=[3, 4]", "students.react_kd.options={rgd: 0}")):
        write_tree(to_tree(whole), tmp_path / "config.yaml")
        assert read_experiment(str(tmp_path / "config.yaml")) == whole


def test_a_change_reaches_the_setting_it_names_and_no_other(read):
    text = "students: {a: {width: 64}, b: {width: 32}}"
    changed = read(text, "students.a.optimisation.epochs=3", "students.a.optimisation.weight_decay=1e-3", "folds=5")
    before = read(text)
    optimisation = replace(before.students["a"].optimisation, epochs=3, weight_decay=1e-3)
    students = before.students | {"a": replace(before.students["a"], optimisation=optimisation)}
    assert changed == replace(before, folds=5, students=students)


def test_settings_that_networks_share_by_an_anchor_are_changed_for_the_one_that_is_named(read):
    text = "students: {a: &a {width: 64, optimisation: &o {epochs: 9}}, b: {<<: *a}, c: {optimisation: *o}}"
    changed = read(text, "students.a.optimisation.epochs=3").students
    assert {name: student.optimisation.epochs for name, student in changed.items()} == {"a": 3, "b": 9, "c": 9}


def test_a_star_stands_for_every_network_of_its_kind_that_is_not_left_out(read):
    text = "students: {a: {width: 64}, b: {tracers: [fdg]}, c: null}"
    changed = read(text, "students.*.tracers=[act]", "students.*.optimisation={epochs: 3}", "students.a.width=32")
    assert {name: (own.tracers, own.optimisation.epochs, own.width) for name, own in changed.students.items()} == {
        "a": (("act",), 3, 32),
        "b": (("act",), 3, 128),
    }
    assert changed.teachers == read(text).teachers


LEFT_OUT = {
    "by null in the file": ("students: {a: {method: kd}, b: null}", (), ()),
    "by a change": ("students: {a: {method: kd}, b: {}}", ("students.b=null",), ()),
    "by name": ("students: {a: {method: kd}, b: {}}", (), ("b",)),
}


@pytest.mark.parametrize(("text", "changes", "without"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_student_that_is_null_or_left_out_by_name_is_none(tmp_path, text, changes, without):
    (tmp_path / "mine.yaml").write_text(text)
    found = read_experiment(str(tmp_path / "mine.yaml"), changes, without=without)
    assert {name: student.method for name, student in found.students.items()} == {"a": "kd"}


def test_a_teacher_that_is_left_out_is_missed_by_its_students(read):
    text = "phantoms: {}\nteachers: {big: {}, small: {}}\nstudents: {a: {teacher: small}, b: {teacher: big}}"
    with pytest.raises(ExperimentError, match=r"students\.a\.teacher cannot be 'small'") as error:
        check_settings(read(text, "teachers.small=null"))
    assert "The experiment has the teachers: big." in error.value.hint
    check_settings(read(text, "teachers.small=null", "students.a=null"))


def test_the_network_that_is_there_by_default_can_be_left_out_too(read):
    assert read("", "students.react_kd=null").students == {}
    assert read("", "students.react_kd.width=64").students["react_kd"].width == 64


@pytest.mark.parametrize(
    ("changes", "without", "says"),
    [
        (("students.mtcmkd=null",), (), "--set students.mtcmkd=null: there is no mtcmkd among the students"),
        (("teachers.mtcm_kd=null",), (), "there is no mtcm_kd among the teachers"),
        ((), ("mtcmkd",), "--without mtcmkd: there is no mtcmkd among the students"),
        (("students.mtcmkd.width=8",), (), "--set students.mtcmkd.width=8: there is no mtcmkd among the students"),
    ],
)
def test_leaving_out_or_changing_what_is_not_there_is_refused_with_what_is(changes, without, says):
    with pytest.raises(ExperimentError) as error:
        read_experiment("table1", changes, without=without)
    assert says in error.value.message
    assert "mtcm_kd?" in error.value.hint or "dual, ct" in error.value.hint


def test_with_the_settings_of_another_experiment_networks_keep_only_what_they_are_compared_for():
    paper = read_experiment("paper")
    changes = ["teachers.dual.cbam=false", "students.kd.options={kd: 0.5}", "students.sp.method_weight=0.1"]
    table = read_experiment("table1", changes)
    found = read_experiment("table1", [*changes, "folds=5"], settings="paper")
    dual, student = paper.teachers["dual"], paper.students["react_kd"]
    assert (found.preprocessing, found.scanner) == (paper.preprocessing, paper.scanner)
    assert (found.folds, found.dose_levels, found.phantoms) == (5, table.dose_levels, table.phantoms)
    assert found.teachers == {"dual": replace(dual, cbam=False), "ct": replace(dual, branches=("dose",))}
    assert found.students.keys() == table.students.keys()
    own = replace(student, cbam="own")
    assert found.students["react_kd"] == student
    assert found.students["kd"] == replace(own, method="kd", options={"kd": 0.5})
    assert found.students["sp"] == replace(own, method="sp", method_weight=0.1)
    assert found.students["of_ct_teacher"] == replace(student, teacher="ct")
    assert found.students["alone"] == replace(own, method="alone", teacher=None, modality_dropout=0)
    assert found.students["dropout_alone"] == replace(own, method="alone", teacher=None)


@pytest.mark.parametrize("name", [name for name in shipped_names() if read_experiment(name).phantoms])
def test_every_shipped_experiment_can_have_the_papers_settings(name):
    experiment = read_experiment(name, settings="paper")
    check_settings(experiment)
    check_networks(experiment, ("fdg", "act"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fold: 3", ("mine.yaml: fold is not a setting", "Did you mean folds?")),
        ("folds: three", ("mine.yaml: folds cannot be 'three'", "a whole number")),
        ("folds:", ("mine.yaml: folds cannot be None", "a whole number")),
        ("folds: true", ("folds cannot be True",)),
        ("seeds: 3", ("seeds cannot be 3", "a list, each a whole number")),
        ("students: {a: {cbam: both}}", ("students.a.cbam cannot be 'both'", "one of shared, own, none")),
        ("students: {a: {optimisation: {epochs: 2.5}}}", ("students.a.optimisation.epochs cannot be 2.5",)),
        ("students: {a: {optimisation: {average: x}}}", ("a number, or null",)),
        ("students: 3", ("students cannot be 3", "name: value")),
        ("preprocessing: {grid: [1, 2]}", ("preprocessing.grid cannot be [1, 2]", "a list of 3")),
        ("dose_levels: [low]", ("dose_levels cannot be ['low']", "native, mild, severe")),
        ("- a", ("mine.yaml cannot be ['a']",)),
        ("a: [", ("mine.yaml is not YAML", "line 1")),
    ],
)
def test_what_cannot_be_is_refused_with_place_value_and_what_may_be(read, text, says):
    with pytest.raises(ExperimentError) as error:
        read(text)
    assert error.value.code == "bad_config"
    for part in says:
        assert part in str(error.value)


@pytest.mark.parametrize("change", ["folds", "=3", "folds.x=3", "students..width=3", "folds=["])
def test_a_change_that_cannot_be_made_is_refused(read, change):
    with pytest.raises(ExperimentError) as error:
        read("folds: 3", change)
    assert error.value.code == "bad_config"
    assert change in error.value.message


def test_an_unknown_experiment_is_refused_with_the_known_ones():
    with pytest.raises(ExperimentError, match=r"paper, phantom.*, smoke"):
        read_experiment("nonsense")
