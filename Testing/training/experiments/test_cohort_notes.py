"""What is said of an experiment's networks before they are trained."""

from dataclasses import replace

import pytest

from Testing.training.experiments.fake_training import FakeTraining
from training.cohorts.manifest import read_manifest, write_manifest
from training.experiments.cohort_notes import cohort_notes
from training.experiments.reading import read_experiment
from training.experiments.runner import run_experiment

NO_PET = ()


@pytest.mark.parametrize("tracers", [("fdg", "act"), ("act",)])
def test_with_pet_nothing_is_said_where_no_networks_are_equal(experiment, tracers):
    assert cohort_notes(experiment, tracers) == []


def test_without_pet_a_teacher_loses_the_branch_that_reads_it_and_may_be_the_equal_of_another(experiment):
    students = experiment.students | {"of_ct": replace(experiment.students["react_kd"], teacher="ct")}
    assert cohort_notes(replace(experiment, students=students), NO_PET) == [
        "The cohort has no PET: teacher dual is trained without the branch structure, which reads nothing else.",
        "With equal settings in this cohort: teachers dual and ct; students react_kd and of_ct.",
    ]


def test_several_teachers_are_named_in_one_line(experiment):
    dual = experiment.teachers["dual"]
    teachers = experiment.teachers | {"wide": replace(dual, width=32), "wider": replace(dual, width=64)}
    told = cohort_notes(replace(experiment, teachers=teachers), NO_PET)
    assert "teachers dual, wide and wider are trained without" in told[0]


@pytest.mark.parametrize("changes", [{"modality_dropout": 0}, {"drop": "pet"}, {"absent": "zeros"}, {"tracers": ()}])
def test_without_pet_what_becomes_of_a_lost_modality_makes_no_difference(experiment, changes):
    students = experiment.students | {"other": replace(experiment.students["alone"], **changes)}
    changed = replace(experiment, students=students)
    assert cohort_notes(changed, NO_PET)[1].endswith("; students alone and other.")
    assert cohort_notes(changed, ("fdg",)) == []


def test_of_table1_without_pet_the_controls_are_named_that_are_none():
    told = cohort_notes(read_experiment("table1", ["students.*.tracers=null"]), NO_PET)
    assert "teachers dual and ct; students react_kd and of_ct_teacher" in told[1]


def test_a_run_says_so_before_it_trains(experiment, prepared_run, tmp_path, capsys):
    cases = read_manifest(prepared_run / "cohort.csv").cases
    manifest = tmp_path / "ct_only.csv"
    write_manifest([replace(case, files=replace(case.files, pet_fdg=None, pet_act=None)) for case in cases], manifest)
    of_ct = replace(experiment, phantoms=None, cohort=manifest)
    assert run_experiment(of_ct, tmp_path / "run", train=FakeTraining()).all_done
    told = capsys.readouterr().out
    assert 0 < told.index("teacher dual is trained without") < told.index("10 to train") < told.index(": done")
