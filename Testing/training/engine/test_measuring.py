from dataclasses import replace

import numpy as np
import pytest
import torch

from REACTKDLib.networks.architecture import Architecture
from training.data.draws import Evaluation
from training.engine.measuring import evaluations, logits_of, predict_all, tracers_read, validate
from training.engine.results import read_result
from training.evaluation.metrics import measure

CPU = torch.device("cpu")


def listed(*arguments) -> list[tuple[str, str]]:
    return [("+".join(evaluation.inputs), evaluation.level) for evaluation in evaluations(*arguments)]


def test_a_teacher_is_tested_with_all_it_has_at_every_dose():
    assert listed("teacher", ("fdg", "act"), ("mild", "severe")) == [
        ("ct+fdg+act", "native"),
        ("ct+fdg+act", "mild"),
        ("ct+fdg+act", "severe"),
    ]


def test_a_student_is_tested_with_each_tracer_with_none_and_without_ct():
    assert listed("student", ("fdg", "act"), ("native", "mild")) == [
        ("ct+fdg", "native"),
        ("ct+fdg", "mild"),
        ("ct+act", "native"),
        ("ct+act", "mild"),
        ("ct", "native"),
        ("ct", "mild"),
        ("fdg", "native"),
        ("act", "native"),
    ]


def test_without_pet_the_ct_is_left():
    assert listed("student", (), ()) == listed("teacher", (), ()) == [("ct", "native")]


def test_a_teacher_reads_the_tracers_of_its_branches_and_a_student_its_own():
    def read(network: str, **choices) -> tuple[str, ...]:
        return tracers_read(Architecture(network=network, **choices), ("fdg",))

    assert read("teacher") == read("teacher", branches=("structure",)) == ("fdg",)
    assert read("teacher", branches=("dose",)) == ()
    assert read("student", tracers=("act", "fdg")) == ("act", "fdg")


def test_an_input_that_no_case_has_gives_no_predictions(cases, teacher):
    network = read_result(teacher).network
    without = [name for name in cases.test if "fdg" not in cases.cache.read(name).images]
    logits = logits_of(network, cases, without, Evaluation(inputs=("fdg",)), CPU)
    assert logits.names == ()
    assert logits.values.shape == (0, 3)


def test_validation_is_the_mean_over_the_inputs_of_what_is_measured_of_each(cases, teacher):
    network = read_result(teacher).network
    measured = (Evaluation(inputs=("ct", "fdg", "act")), Evaluation(inputs=("ct",)))
    found = validate(network, cases, measured, CPU)
    grades = np.array([cases.grades[name] for name in cases.validation])
    expected = []
    for evaluation in measured:
        logits = torch.from_numpy(logits_of(network, cases, cases.validation, evaluation, CPU).values)
        expected.append(measure(grades, logits.softmax(1).numpy()))
    assert found["auc_ct"] == expected[1]["auc"]
    assert found["macro_auc"] == pytest.approx(np.mean([each["auc"] for each in expected]))
    assert found["nll"] == pytest.approx(np.mean([each["nll"] for each in expected]))


def test_predictions_are_of_validation_and_test_with_patient_and_grade(cases, teacher):
    found = predict_all(read_result(teacher).network, cases, (Evaluation(inputs=("ct",)),), CPU)
    assert list(found.split) == ["validation"] * 3 + ["test"] * 3
    assert list(found.cases) == [*cases.validation, *cases.test]
    assert list(found.patients) == [cases.patients[name] for name in found.cases]
    assert list(found.labels) == [cases.grades[name] for name in found.cases]


def test_how_many_cases_are_read_at_once_changes_nothing(cases, teacher, monkeypatch):
    network = read_result(teacher).network
    cases = replace(cases, validation=(*cases.validation, *cases.test))
    found = []
    for size in (1, 8):
        monkeypatch.setattr("training.engine.measuring.AT_ONCE", size)
        found.append(logits_of(network, cases, cases.validation, Evaluation(), CPU).values)
    np.testing.assert_allclose(*found, atol=1e-5)
