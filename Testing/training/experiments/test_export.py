"""What a model folder says of the network in it."""

from dataclasses import replace

import numpy as np
import pytest

from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.model_card import ModelCard
from training.cohorts.manifest import read_manifest, write_manifest
from training.engine.architectures import student_architecture
from training.engine.settings import Optimisation, StudentSettings
from training.evaluation.predictions import read_predictions, write_predictions
from training.experiments.config import Experiment
from training.experiments.export import export_model
from training.experiments.reading import read_experiment
from training.experiments.runner import run_experiment

NETWORK = "student-alone"
STUDENT = StudentSettings(
    method="alone",
    teacher=None,
    width=16,
    init_filters=4,
    blocks_down=(1, 1),
    cbam="own",
    tracers=("fdg", "act"),
    optimisation=Optimisation(epochs=1, batch_size=3),
)


@pytest.fixture(scope="module")
def trained(experiment, prepared_run, tmp_path_factory):
    """One fold of a cohort whose well differentiated cases have no PET, validated on what is held out."""
    folder = tmp_path_factory.mktemp("mixed")
    cases = read_manifest(prepared_run / "cohort.csv").cases
    without = [
        replace(case, files=replace(case.files, pet_fdg=None, pet_act=None)) if case.grade == 0 else case
        for case in cases
    ]
    write_manifest(without, folder / "cohort.csv")
    mixed = Experiment(
        cohort=folder / "cohort.csv",
        preprocessing=experiment.preprocessing,
        dose_levels=(),
        validation_share=0,
        only_folds=(0,),
        teachers={},
        students={"alone": STUDENT},
    )
    assert run_experiment(mixed, folder / "run").all_done
    return folder / "run"


@pytest.fixture(scope="module")
def card(trained, tmp_path_factory):
    return export_model(trained, tmp_path_factory.mktemp("models") / "model", network=NETWORK).card


def test_a_cohort_in_which_some_have_no_pet_is_exported(card):
    assert card.metrics["macro_auc_ct_only"] >= 0
    assert 0 <= card.metrics["median_lesion_share_ct_fdg"] <= 1
    assert 0 <= card.metrics["lesions_for_grade_ct_fdg"] <= 1


def test_inputs_whose_cases_lack_a_grade_have_that_reason_in_place_of_metrics(card):
    assert card.metrics["not_measured_fdg_only"] == "a grade is missing among its 2 cases"
    assert "macro_auc_fdg_only" not in card.metrics


def test_the_card_says_when_held_out_cases_chose_epoch_and_temperature(card):
    assert "the same cases chose the epoch and the temperature" in card.metrics["data"]


@pytest.mark.parametrize(("inputs", "counted"), [("act", False), ("ct+act", True), ("ct", True)])
def test_the_temperature_is_that_of_inputs_with_a_ct(trained, card, tmp_path, inputs, counted):
    path = trained / "fold0/seed0" / NETWORK / "predictions.csv"
    before = read_predictions(path)
    absurd = np.where((before.inputs == inputs)[:, None], 100 * before.logits, before.logits)
    try:
        write_predictions(path, replace(before, logits=absurd))
        found = export_model(trained, tmp_path / "model", network=NETWORK).card.temperature
    finally:
        write_predictions(path, before)
    assert (found != card.temperature) == counted


def test_the_demo_model_is_of_the_experiment_that_make_demo_model_trains():
    card, experiment = ModelCard.read(demo_model()), read_experiment("phantom")
    (student,) = experiment.students.values()
    assert card.architecture == student_architecture(student, experiment.preprocessing, ("fdg", "act")).to_dict()
    assert card.preprocessing == experiment.preprocessing
    assert card.training["epochs"] == [student.optimisation.epochs]
    assert card.name == "REACT-KD, run demo (trained on phantoms)"
