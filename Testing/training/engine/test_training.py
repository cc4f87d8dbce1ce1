import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from Testing.models import write_random_model
from Testing.training.engine.tiny import (
    BOTH,
    Kinds,
    optimisation,
    student_settings,
    teacher_settings,
    write_cases,
)
from training.engine import training as training_of_networks
from training.engine.architectures import student_architecture
from training.engine.cases import Cases
from training.engine.errors import TrainingError
from training.engine.measuring import evaluations, logits_of
from training.engine.results import read_result
from training.engine.settings import StudentSettings, Supervision
from training.engine.student import StudentStage
from training.engine.training import train_student, train_teacher
from training.evaluation.calibration import fit_temperature
from training.evaluation.predictions import read_predictions

FILES = {"metrics.csv", "checkpoint.pt", "weights.safetensors", "predictions.csv", "done.json"}
NUMBERS = ("metrics.csv", "weights.safetensors", "predictions.csv")


def metrics(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def same_numbers(one: Path, other: Path) -> dict[str, bool]:
    return {name: (one / name).read_bytes() == (other / name).read_bytes() for name in NUMBERS}


@pytest.fixture
def learn(fabric, cases, teacher, tmp_path):
    """Trains a student in a folder of that name; returns the folder."""

    def learn(name: str = "student", seed: int = 0, cases: Cases = cases, taught_by=teacher, **changes) -> Path:
        folder = tmp_path / name
        train_student(fabric, cases, student_settings(**changes), taught_by, seed, folder, title="student", show=False)
        return folder

    return learn


def test_a_teacher_writes_all_its_files_and_a_row_for_each_epoch(teacher):
    assert {path.name for path in teacher.iterdir()} >= FILES
    rows = metrics(teacher)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"cls", "cls_structure", "cls_dose", "consistency", "loss", "macro_auc"} <= rows[0].keys()
    assert float(rows[0]["consistency"]) > 0


def test_a_student_writes_all_its_files_and_every_term_of_its_method(learn):
    folder = learn()
    assert {path.name for path in folder.iterdir()} >= FILES
    assert {"cls", "kd", "node", "edge", "gw", "auc_ct+fdg", "auc_ct+act", "auc_ct"} <= metrics(folder)[0].keys()


def test_no_file_is_left_half_written(learn):
    assert not [path.name for path in learn().iterdir() if path.name.startswith(".")]


def test_a_network_that_is_read_back_says_what_its_predictions_say(learn, teacher, cases):
    for folder in (teacher, learn()):
        network = read_result(folder).network
        assert type(network.head) is torch.nn.Linear
        found = read_predictions(folder / "predictions.csv")
        kind = network.architecture.network
        measured = evaluations(kind, BOTH, cases.levels)
        assert {(p, d) for p, d in zip(found.inputs, found.dose, strict=True)} == {
            ("+".join(evaluation.inputs), evaluation.level) for evaluation in measured
        }
        for evaluation in measured:
            chosen = found.select(split="test", inputs="+".join(evaluation.inputs), dose=evaluation.level)
            logits = logits_of(network, cases, cases.test, evaluation, torch.device("cpu"))
            assert logits.names == tuple(chosen.cases)
            # In training the weights lie in memory in another order, and sums are rounded accordingly.
            np.testing.assert_allclose(logits.values, chosen.logits, atol=1e-5)


def test_a_case_without_the_only_input_is_not_predicted_from_it(learn, cases):
    found = read_predictions(learn() / "predictions.csv")
    with_fdg = [name for name in cases.test if "fdg" in cases.cache.read(name).images]
    assert 0 < len(with_fdg) < len(cases.test)
    assert list(found.select(split="test", inputs="fdg").cases) == with_fdg
    assert list(found.select(split="test", inputs="ct", dose="native").cases) == list(cases.test)


def test_the_same_settings_and_seed_give_the_same_bits_and_another_seed_does_not(learn):
    changes = {
        "optimisation": optimisation(average=0.9, balanced=True),
        "supervision": Supervision(attention_focus=0.1, lesion_supervision=0.5),
    }
    first = learn("first", **changes)
    torch.rand(7)  # whatever anybody drew in between
    assert all(same_numbers(first, learn("second", **changes)).values())
    assert not any(same_numbers(first, learn("third", seed=1, **changes)).values())


def test_processes_that_read_ahead_change_nothing(learn):
    plain = learn("plain", optimisation=optimisation(epochs=1))
    ahead = learn("ahead", optimisation=optimisation(epochs=1, loader_processes=1))
    assert same_numbers(plain, ahead) == dict.fromkeys(NUMBERS, True)


def test_a_teacher_without_a_branch_is_trained_on_the_other(fabric, cases, tmp_path):
    settings = teacher_settings(branches=("dose",), optimisation=optimisation(epochs=1))
    train_teacher(fabric, cases, settings, 0, tmp_path, title="teacher", show=False)
    row = metrics(tmp_path)[0]
    assert "cls_dose" in row
    assert "cls_structure" not in row
    assert read_result(tmp_path).network.branches.keys() == {"dose"}
    # It reads no PET, and neither its epoch was chosen nor its results are said to be with one.
    assert [name for name in row if name.startswith("auc_")] == ["auc_ct"]
    assert set(read_predictions(tmp_path / "predictions.csv").inputs) == {"ct"}


def test_a_cohort_without_pet_trains_a_student_that_reads_none(fabric, tmp_path):
    cases = write_cases(tmp_path / "cache", Kinds(tracers=()))
    once = optimisation(epochs=1)
    train_teacher(
        fabric, cases, teacher_settings(optimisation=once), 0, tmp_path / "teacher", title="teacher", show=False
    )
    assert float(metrics(tmp_path / "teacher")[0]["cls_structure"]) == 0
    settings = student_settings(optimisation=once)
    train_student(fabric, cases, settings, tmp_path / "teacher", 0, tmp_path / "student", title="student", show=False)
    assert read_result(tmp_path / "student").network.architecture.tracers == ()
    assert set(read_predictions(tmp_path / "student" / "predictions.csv").inputs) == {"ct"}


def test_a_student_learns_some_of_the_cohorts_tracers(learn):
    folder = learn(tracers=("act",), optimisation=optimisation(epochs=1))
    assert read_result(folder).network.architecture.tracers == ("act",)
    assert set(read_predictions(folder / "predictions.csv").inputs) == {"ct+act", "ct", "act"}


def test_a_student_without_modality_dropout_is_chosen_with_its_pet_alone(learn):
    row = metrics(learn(modality_dropout=0.0, tracers=("fdg",), optimisation=optimisation(epochs=1)))[0]
    assert [name for name in row if name.startswith("auc_")] == ["auc_ct+fdg"]


def test_a_student_is_taught_by_probabilities_that_mean_what_they_say(learn, teacher, monkeypatch):
    """Those of the teacher's validation cases."""
    given = []

    class Watched(StudentStage):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            given.append(self.temperature)

    monkeypatch.setattr(training_of_networks, "StudentStage", Watched)
    learn()
    of_validation = read_predictions(teacher / "predictions.csv").select(split="validation", dose="native")
    assert given == [pytest.approx(fit_temperature(of_validation.labels, of_validation.logits), rel=1e-3)]


def test_a_student_alone_needs_no_teacher(learn):
    row = metrics(learn(method="alone", taught_by=None, optimisation=optimisation(epochs=1)))[0]
    assert row["loss"] == row["cls"]


def initial_model(folder: Path, settings: StudentSettings, cases: Cases) -> Path:
    architecture = student_architecture(settings, cases.spec, cases.tracers)
    return write_random_model(folder, architecture, preprocessing=cases.spec)


def test_lora_leaves_a_plain_student_whose_encoders_moved_within_the_rank(learn, cases, tmp_path):
    model = initial_model(tmp_path / "model", student_settings(), cases)
    folder = learn(initial=str(model), lora_rank=2, optimisation=optimisation(epochs=1, learning_rate=1e-2))
    before = load_file(model / "model.safetensors")
    after = load_file(folder / "weights.safetensors")
    assert after.keys() == before.keys()
    moved = {
        name: (after[name] - before[name]).flatten(1).double()
        for name in before
        if ".encoder." in name and before[name].ndim == 5
    }
    for change in moved.values():
        sizes = torch.linalg.svdvals(change)
        assert (sizes[2:] <= 1e-3 * sizes[0] + 1e-6).all()
    assert max(float(change.abs().max()) for change in moved.values()) > 1e-3
    norms = [name for name in before if ".encoder." in name and before[name].ndim == 1]
    assert norms
    assert all(torch.equal(after[name], before[name]) for name in norms)
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_lora_without_a_model_to_change_is_refused(learn):
    with pytest.raises(TrainingError, match="none is given") as caught:
        learn(lora_rank=2)
    assert caught.value.code == "lora_without_initial"


def test_a_model_that_is_another_student_is_refused_and_the_difference_named(learn, cases, tmp_path):
    model = initial_model(tmp_path / "model", student_settings(init_filters=16), cases)
    with pytest.raises(TrainingError, match="init_filters: 16 in the model, 8 now") as caught:
        learn(initial=str(model))
    assert caught.value.code == "other_architecture"


def test_a_trained_network_whose_weights_are_damaged_is_no_teacher(learn, teacher, tmp_path):
    damaged = Path(shutil.copytree(teacher, tmp_path / "damaged"))
    weights = damaged / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="no whole trained network") as caught:
        learn(taught_by=damaged)
    assert caught.value.code == "not_trained"


def test_a_batch_that_cannot_be_parted_is_refused(learn):
    with pytest.raises(TrainingError, match="cannot be computed in 2 equal parts"):
        learn(optimisation=optimisation(batch_size=3, accumulate=2))


def test_fewer_cases_than_a_batch_in_parts_needs_are_refused_and_without_parts_make_one(learn, cases):
    few = replace(cases, training=cases.training[:3])
    with pytest.raises(TrainingError, match="3 training cases are no whole batch of 8 in 4 parts"):
        learn(cases=few, optimisation=optimisation(batch_size=8, accumulate=4))
    assert len(metrics(learn("whole", cases=few, optimisation=optimisation(batch_size=8)))) == 2


def test_bf16_is_refused_where_it_would_be_wrong(learn):
    # On the grid (8, 16, 16) a student with a map at stride 4 has one of depth 2.
    with pytest.raises(TrainingError, match="depth 2") as caught:
        learn(optimisation=optimisation(precision="bf16"))
    assert caught.value.code == "bf16_unsafe"
