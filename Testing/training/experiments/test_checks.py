import shlex
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from REACTKDLib.imaging.errors import ReactKDError
from training.engine.settings import Optimisation
from training.experiments.checks import check_settings
from training.experiments.network_checks import check_networks
from training.experiments.reading import read_experiment


def test_a_sound_experiment_passes(experiment):
    check_settings(experiment)
    check_networks(experiment, ("fdg", "act"))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"folds": 1}, "folds cannot be 1"),
        ({"only_folds": (0, 3)}, "only_folds cannot be [0, 3]"),
        ({"only_folds": (1, 1)}, "only_folds cannot be [1, 1]"),
        ({"only_folds": ()}, "only_folds cannot be []"),
        ({"validation_share": 1.0}, "validation_share cannot be 1.0"),
        ({"seeds": ()}, "seeds cannot be []"),
        ({"seeds": (0, 0)}, "seeds cannot be [0, 0]"),
        ({"teachers": {}}, "students.react_kd.teacher cannot be 'dual'"),
        ({"teachers": {}, "students": {}}, "teachers, students cannot be none"),
        ({"cohort": Path("cohort.csv")}, "both a manifest and phantoms"),
        ({"phantoms": None}, "no cohort"),
    ],
)
def test_settings_that_do_not_fit_are_named(experiment, changes, place):
    with pytest.raises(ReactKDError) as error:
        check_settings(replace(experiment, **changes))
    assert place in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("name", ["a/b", "..", "", "a b"])
def test_a_name_that_cannot_be_a_folder_is_refused(experiment, name):
    with pytest.raises(ReactKDError, match="cannot be the name"):
        check_settings(replace(experiment, students={name: experiment.students["alone"]}))


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"batch_size": -1}, {"patience": 0}, {"warmup": 2.0}])
def test_a_training_that_cannot_be_is_refused(experiment, changes):
    alone = replace(experiment.students["alone"], optimisation=Optimisation(**changes))
    with pytest.raises(ReactKDError, match=f"students.alone.optimisation.{next(iter(changes))}"):
        check_settings(replace(experiment, students={"alone": alone}))


@pytest.mark.parametrize(
    ("student", "changes", "says"),
    [
        ("react_kd", {"method": "nonsense"}, "no distillation method called 'nonsense'"),
        ("react_kd", {"options": {"temprature": 3}}, "students.react_kd.options: temprature is not a setting"),
        ("react_kd", {"options": {"kd": "much"}}, "students.react_kd.options: kd cannot be 'much'"),
        ("react_kd", {"tracers": ("act",)}, "students.react_kd.tracers cannot be act"),
        ("react_kd", {"width": 24}, "students.react_kd.width cannot be 24"),
        ("react_kd", {"blocks_down": (1,)}, "strides"),
        ("alone", {"method": "kd"}, "distils a teacher"),
        ("of_ct", {"method": "mtcm_kd"}, "needs a teacher with the branches"),
    ],
)
def test_students_are_checked_against_method_teacher_and_cohort(experiment, student, changes, says):
    students = experiment.students | {student: replace(experiment.students[student], **changes)}
    with pytest.raises(ReactKDError) as error:
        check_networks(replace(experiment, students=students), ("fdg",))
    assert says in str(error.value)


CT_ONLY = ()


def refusal(experiment, tracers) -> ReactKDError:
    with pytest.raises(ReactKDError) as error:
        check_networks(experiment, tracers)
    return error.value


def test_without_pet_all_that_do_not_fit_are_named_at_once_with_what_to_do(experiment):
    students = {name: experiment.students[name] for name in ("react_kd", "alone")} | {
        "reads_fdg": replace(experiment.students["alone"], tracers=("fdg",)),
        "of_both": replace(experiment.students["react_kd"], method="mtcm_kd"),
    }
    error = refusal(replace(experiment, students=students), CT_ONLY)
    assert error.code == "bad_networks"
    assert error.message.startswith("2 networks do not fit:")
    assert "students.reads_fdg.tracers cannot be fdg." in error.message
    assert "students.of_both: MTCM-KD (re-implementation) needs a teacher with the branches" in error.message
    assert "this one has 'dose' only" in error.message
    for fits in ("alone", "react_kd"):
        assert f"students.{fits}" not in error.message
    assert "The cohort has no PET." in error.hint
    assert "set its tracers to null" in error.hint
    assert "Leave the method out" in error.hint


@pytest.mark.parametrize("settings", [None, "paper"])
@pytest.mark.parametrize("name", ["table1", "table2", "table3", "ablation", "smoke"])
def test_without_pet_the_hint_ends_with_what_trains_all_others_and_no_more_is_left_out(name, settings):
    """What it says is done, and what it leaves out is put back, one at a time."""
    try:
        check_networks(read_experiment(name, settings=settings), CT_ONLY)
    except ReactKDError as error:
        command = error.hint.partition("All that fits is trained with ")[2].removesuffix(".")
    else:
        return
    words = shlex.split(command)
    changes = [value for option, value in pairwise(words) if option == "--set"]
    without = [name for option, value in pairwise(words) if option == "--without" for name in value.split(",")]
    told = read_experiment(name, changes, settings=settings, without=without)
    check_networks(told, CT_ONLY)
    whole = read_experiment(name, settings=settings)
    for left_out in without:
        student = replace(whole.students[left_out], tracers=None)
        if student.teacher in told.teachers:
            with pytest.raises(ReactKDError, match=left_out):
                check_networks(replace(told, students={left_out: student}), CT_ONLY)


def test_what_no_cohort_would_help_is_not_to_be_left_out(experiment):
    students = experiment.students | {"alone": replace(experiment.students["alone"], method="nonsense")}
    assert "--without" not in refusal(replace(experiment, students=students), CT_ONLY).hint


def test_a_teacher_that_reads_pet_alone_is_refused_without_pet_and_its_students_are_not_named(experiment):
    dual = experiment.teachers["dual"]
    teachers = experiment.teachers | {"dual": replace(dual, branches=("structure",))}
    error = refusal(replace(experiment, teachers=teachers), CT_ONLY)
    assert error.code == "bad_setting"
    assert error.message == "teachers.dual.branches cannot be structure."
    assert "no PET" in error.hint
    check_networks(replace(experiment, teachers=teachers), ("act",))


def test_what_reads_ct_fits_a_cohort_without_pet(experiment):
    check_networks(experiment, CT_ONLY)


def test_a_cohort_with_another_tracer_says_which_it_has(experiment):
    students = {"reads_act": replace(experiment.students["alone"], tracers=("act",))}
    error = refusal(replace(experiment, students=students), ("fdg",))
    assert "The cohort has fdg only." in error.hint
