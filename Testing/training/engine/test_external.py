import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from REACTKDLib.networks.architecture import build_network
from Testing.training.engine.tiny import Kinds, student_settings, teacher_settings, write_cases
from training.data.draws import Evaluation
from training.engine.architectures import teacher_architecture
from training.engine.errors import TrainingError
from training.engine.external import add_external, predict_external
from training.engine.measuring import logits_of
from training.engine.results import read_result
from training.engine.training import train_student
from training.evaluation.predictions import read_predictions

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def outside(cases, tmp_path_factory):
    """The fold's cases with another hospital's beside them, which has no acetate, and other doses."""
    kinds = Kinds(tracers=("fdg",), levels=("severe", "mixed"))
    other = write_cases(tmp_path_factory.mktemp("other"), kinds)
    return replace(cases, external=replace(other, training=(), validation=(), test=tuple(other.grades)))


def test_a_teacher_meets_them_with_the_tracers_and_doses_that_they_have(outside, teacher):
    found = predict_external(read_result(teacher).network, outside, CPU)
    assert set(found.split) == {"external"}
    assert set(found.inputs) == {"ct+fdg"}
    assert set(found.dose) == {"native", "severe", "mixed"}
    assert len(found) == 3 * len(outside.external.test)


def test_a_teacher_without_a_branch_for_pet_meets_them_with_their_ct(outside):
    architecture = teacher_architecture(teacher_settings(branches=("dose",)), outside.spec)
    found = predict_external(build_network(architecture).eval(), outside, CPU)
    assert set(found.inputs) == {"ct"}


def test_what_is_said_is_what_the_network_says_of_those_cases(outside, teacher):
    network = read_result(teacher).network
    found = predict_external(network, outside, CPU).select(dose="severe").ordered()
    evaluation = Evaluation(inputs=("ct", "fdg"), level="severe")
    expected = logits_of(network, outside.external, sorted(outside.external.test), evaluation, CPU)
    assert tuple(found.cases) == expected.names
    np.testing.assert_allclose(found.logits, expected.values, atol=1e-5)
    assert list(found.labels) == [outside.external.grades[name] for name in found.cases]
    assert list(found.patients) == [outside.external.patients[name] for name in found.cases]


def test_added_later_they_are_predicted_as_if_they_had_been_there_and_nothing_else_changes(
    fabric, cases, outside, teacher, tmp_path
):
    for name, of in (("later", cases), ("before", outside)):
        train_student(fabric, of, student_settings(), teacher, 0, tmp_path / name, title=name, show=False)
    before = {path.name: path.read_bytes() for path in (tmp_path / "later").iterdir() if path.is_file()}
    add_external(tmp_path / "later", outside, CPU)
    after = {path.name: path.read_bytes() for path in (tmp_path / "later").iterdir() if path.is_file()}
    assert {name for name in before if before[name] != after[name]} == {"predictions.csv"}
    assert before.keys() == after.keys()
    later, whole = (read_predictions(tmp_path / name / "predictions.csv").ordered() for name in ("later", "before"))
    for field in ("cases", "split", "inputs", "dose", "labels"):
        assert list(getattr(later, field)) == list(getattr(whole, field))
    np.testing.assert_allclose(later.logits, whole.logits, atol=1e-4)


def test_a_job_without_whole_weights_cannot_predict_them(outside, teacher, tmp_path):
    folder = shutil.copytree(teacher, tmp_path / "teacher")
    (folder / "weights.safetensors").write_bytes(b"")
    before = (folder / "predictions.csv").read_bytes()
    with pytest.raises(TrainingError, match="no whole trained network"):
        add_external(folder, outside, CPU)
    assert (folder / "predictions.csv").read_bytes() == before
