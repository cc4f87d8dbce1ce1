"""When a run's folder is made, and what it then holds of the cohort."""

from dataclasses import replace

import pytest

from Testing.training.experiments.fake_training import FakeTraining
from training.cohorts.errors import CohortError
from training.cohorts.manifest import CohortCase, read_manifest, write_manifest
from training.experiments.preparation import prepare
from training.experiments.runner import run_experiment


@pytest.fixture
def cases(prepared_run) -> tuple[CohortCase, ...]:
    """Three of each grade."""
    return read_manifest(prepared_run / "cohort.csv").cases


@pytest.fixture
def own(experiment, tmp_path):
    """The experiment on the cases of a manifest."""
    return replace(experiment, phantoms=None, cohort=tmp_path / "manifest.csv")


def two_of_each_grade(cases):
    return cases[:6]


def two_grades_in_one_group(cases):
    return [*(replace(case, group="family") for case in cases[:2]), *cases[2:]]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (two_of_each_grade, "3 folds need 3 patients"),
        (two_grades_in_one_group, "To learn from some and validate on others"),
    ],
)
def test_a_cohort_that_cannot_be_split_leaves_nothing_and_corrected_it_goes_on(own, cases, tmp_path, wrong, says):
    run = tmp_path / "runs" / "own"
    write_manifest(wrong(cases), own.cohort)
    with pytest.raises(CohortError, match=says) as caught:
        run_experiment(own, run, train=FakeTraining())
    assert caught.value.code == "too_few_patients"
    assert not run.parent.exists()
    write_manifest(cases, own.cohort)
    assert run_experiment(own, run, train=FakeTraining()).all_done


def test_a_case_that_cannot_be_preprocessed_can_be_taken_out_of_the_manifest(own, cases, damaged, tmp_path):
    write_manifest([*cases, damaged], own.cohort)
    with pytest.raises(CohortError, match="take them out of the manifest, and start again") as caught:
        prepare(own, tmp_path / "run")
    assert caught.value.code == "cases_failed"
    write_manifest(cases, own.cohort)
    assert len(prepare(own, tmp_path / "run").cohort.cases) == len(cases)
