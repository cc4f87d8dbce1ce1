import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from REACTKDLib.networks.architecture import Architecture
from Testing.training.engine.children import ERROR, Training, finish, start, train_together
from Testing.training.engine.tiny import BOTH, optimisation, spoil, student_settings, teacher_settings, write_cases
from training.data.batch_order import EpochBatches
from training.data.draws import CaseFacts, DrawSettings, ModalitySettings, draw
from training.engine.cases import Cases
from training.engine.errors import TrainingError
from training.engine.launch import launch, uses_bf16
from training.engine.settings import StudentSettings, Supervision

BATCH = 4
CLOSE = 1e-8
"""In float64; float32 rounds by that much and more."""
SUPERVISION = Supervision(attention_focus=0.1, lesion_supervision=0.5)
# Little PET is left: in some batch one process has none.
STUDENT = student_settings(
    modality_dropout=0.8, drop="pet", supervision=SUPERVISION, optimisation=optimisation(epochs=3, batch_size=BATCH)
)


def numbers(folder: Path) -> np.ndarray:
    with (folder / "metrics.csv").open(newline="") as file:
        return np.array([[float(value) for value in row.values()] for row in csv.DictReader(file)])


def apart(one: Path, other: Path) -> float:
    """The largest difference of a metric or a weight, relative where it is above 1."""
    rows, others = numbers(one), numbers(other)
    weights, other_weights = (load_file(folder / "weights.safetensors") for folder in (one, other))
    pairs = [(torch.from_numpy(rows), torch.from_numpy(others))]
    pairs += [(weights[name], other_weights[name]) for name in weights]
    return max(float(((ours - theirs).abs() / ours.abs().clamp_min(1)).max()) for ours, theirs in pairs)


def one_and_two(training: Training, tmp_path: Path) -> tuple[Path, Path]:
    """The folders of a training by one process and by two."""
    alone, together = (replace(training, folder=tmp_path / name) for name in ("alone", "together"))
    assert finish(start(alone)) == 0
    assert train_together(together) == [0, 0]
    return alone.folder, together.folder


def batches_with_and_without_pet(cases: Cases, settings: StudentSettings) -> int:
    """In how many batches one of two processes has a PET and the other has none."""
    draws = DrawSettings(
        modalities=ModalitySettings(dropout=settings.modality_dropout, drop=settings.drop, tracers=BOTH)
    )
    has_pet = []
    for rank in range(2):
        batches = EpochBatches(
            cases.training, cases.grades, settings.optimisation.batch_size, seed=0, rank=rank, ranks=2
        )
        found = []
        for epoch in range(settings.optimisation.epochs):
            batches.set_epoch(epoch)
            for batch in batches:
                drawn = [draw(name, 0, key, CaseFacts.of(cases.cache.read(name)), draws) for key, name in batch]
                found.append(any(set(of_case.student_modalities) & set(BOTH) for of_case in drawn))
        has_pet.append(found)
    return sum(one != other for one, other in zip(*has_pet, strict=True))


def test_two_processes_teach_a_student_as_one_does(cases, teacher, tmp_path):
    assert batches_with_and_without_pet(cases, STUDENT) > 0
    training = Training(cases, STUDENT, tmp_path, teacher, double=True)
    assert apart(*one_and_two(training, tmp_path)) < CLOSE


def test_two_processes_train_a_teacher_with_unlabelled_cases_as_one_does(cases, tmp_path):
    settings = teacher_settings(supervision=SUPERVISION, optimisation=optimisation(batch_size=BATCH))
    training = Training(cases, settings, tmp_path, double=True)
    assert apart(*one_and_two(training, tmp_path)) < CLOSE


def test_parts_and_averages_are_the_same_by_two_processes(cases, teacher, tmp_path):
    settings = replace(STUDENT, optimisation=optimisation(batch_size=BATCH, accumulate=2, average=0.9))
    training = Training(cases, settings, tmp_path, teacher, double=True)
    assert apart(*one_and_two(training, tmp_path)) < CLOSE


def test_two_processes_say_which_cases_of_both_are_not_finite(teacher, tmp_path):
    cases = write_cases(tmp_path / "cache")
    spoil(cases, "case03")
    training = Training(cases, STUDENT, tmp_path / "student", teacher)
    assert train_together(training) == [1, 1]
    messages = [(training.folder / f"{rank}-{ERROR}").read_text() for rank in range(2)]
    for message in messages:
        assert "not finite" in message
        assert "case03" in message
        assert sum(name in message for name in cases.training) == BATCH


def test_a_killed_training_of_two_processes_is_not_gone_on_with_by_one(cases, teacher, tmp_path):
    training = Training(cases, STUDENT, tmp_path / "student", teacher)
    assert train_together(training) == [0, 0]
    assert finish(start(training)) == 1
    message = (training.folder / f"0-{ERROR}").read_text()
    assert "processes: 2 in the checkpoint, 1 now" in message


def test_cuda_where_there_is_none_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="no CUDA device") as caught:
        launch("cuda")
    assert caught.value.code == "no_cuda"
    assert launch("auto").device.type == "cpu"


def test_bf16_is_chosen_refused_and_left_out():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    flat = Architecture(network="student", grid=(8, 16, 16), stride=2, blocks_down=(1, 1, 1))
    deep = replace(flat, grid=(16, 32, 32))
    assert not uses_bf16(optimisation(), deep, cpu)
    assert not uses_bf16(optimisation(precision="fp32"), deep, cuda)
    assert uses_bf16(optimisation(precision="bf16"), deep, cpu)
    assert uses_bf16(optimisation(precision="bf16"), flat, cuda)
    with pytest.raises(TrainingError, match=r"student has a map of depth 2") as caught:
        uses_bf16(optimisation(precision="bf16"), flat, cpu)
    assert caught.value.code == "bf16_unsafe"
