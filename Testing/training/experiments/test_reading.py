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
