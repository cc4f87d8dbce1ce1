import csv
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from REACTKDLib.networks.architecture import build_network
from Testing.training.engine.tiny import batch_of, optimisation, spoil, student_settings, write_cases
from training.engine import loop
from training.engine.architectures import student_architecture
from training.engine.checkpoint import read_checkpoint
from training.engine.errors import TrainingError
from training.engine.history import TensorBoard
from training.engine.loop import State, Steps, fit
from training.engine.settings import Optimisation, Supervision
from training.engine.stage import Stage
from training.engine.student import StudentStage
from training.engine.training import train_student
from training.methods.alone import Alone

STEPS = 3


class OneWeight(nn.Module):
    """A network of one number, beside the head that every network has."""

    def __init__(self):
        super().__init__()
        self.architecture = SimpleNamespace(width=2, classes=3)
        self.head = nn.Linear(2, 3)
        self.value = nn.Parameter(torch.zeros(()))


class Chasing(Stage):
    """Whose batches are numbers, which the value is to be."""

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        return {"cls": (self.network.value - batch).square().mean()}

    def output(self, network: nn.Module, batch: Tensor) -> None:
        """A value has no features."""


def chase(
    fabric, folder: Path, scores: Sequence[tuple[float, float]], settings: Optimisation
) -> tuple[State, list[float], float]:
    """The state, the value at each validation, and the value at the end. scores: macro-AUC and NLL of each epoch."""
    folder.mkdir(exist_ok=True)
    stage, seen = Chasing(OneWeight(), Supervision()), []

    def of(epoch: int) -> Iterator[list[Tensor]]:
        # As many parts of a batch as the settings ask for: of 1, 2, 3, 4.
        for _ in range(STEPS):
            yield list(torch.tensor([1.0, 2.0, 3.0, 4.0]).chunk(settings.accumulate))

    def validate(network: nn.Module) -> dict[str, float]:
        assert not network.training
        seen.append(float(network.value.detach()))
        macro_auc, nll = scores[len(seen) - 1]
        return {"macro_auc": macro_auc, "nll": nll}

    state = fit(fabric, stage, Steps(of, STEPS), validate, settings, folder, {"of": "test"}, show=False)
    return state, seen, float(stage.network.value.detach())


def scored(*aucs: float) -> list[tuple[float, float]]:
    return [(auc, 1.0) for auc in aucs]


def test_training_stops_when_patience_is_over_and_keeps_the_best_epoch(fabric, tmp_path):
    state, seen, value = chase(fabric, tmp_path, scored(0.5, 0.7, 0.6, 0.7, 0.9), optimisation(epochs=5, patience=2))
    assert (state.epoch, state.best_epoch) == (4, 2)
    assert value == seen[1]
    assert len(set(seen)) == 4


def test_without_patience_every_epoch_is_trained(fabric, tmp_path):
    state, seen, value = chase(fabric, tmp_path, scored(0.5, 0.7, 0.6, 0.6, 0.9), optimisation(epochs=5))
    assert (state.epoch, state.best_epoch) == (5, 5)
    assert value == seen[4]


def test_of_two_epochs_with_the_same_auc_the_surer_one_is_kept(fabric, tmp_path):
    scores = [(0.7, 1.2), (0.7, 0.8), (0.7, 0.9), (0.6, 0.1)]
    state, seen, value = chase(fabric, tmp_path, scores, optimisation(epochs=4))
    assert state.best_epoch == 2
    assert value == seen[1]


def test_a_batch_in_parts_makes_the_step_of_the_whole(fabric, tmp_path):
    found = [
        chase(fabric, tmp_path / str(parts), scored(0.5, 0.6), optimisation(accumulate=parts)) for parts in (1, 2, 4)
    ]
    for state, seen, _ in found:
        assert seen == pytest.approx(found[0][1], abs=1e-7)
        assert state.history[0]["loss"] == pytest.approx(found[0][0].history[0]["loss"], abs=1e-6)


def test_what_is_validated_and_kept_is_the_average_where_one_is_kept(fabric, tmp_path, monkeypatch):
    values = []
    step = loop._step

    def recording(fabric, module, *others):
        found = step(fabric, module, *others)
        values.append(float(module.module.network.value.detach()))
        return found

    monkeypatch.setattr(loop, "_step", recording)
    _, seen, value = chase(fabric, tmp_path, scored(0.5, 0.6), optimisation(average=0.9))
    average = values[0]
    for later in values[1:]:
        average = 0.9 * average + 0.1 * later
    assert seen[1] == pytest.approx(average, abs=1e-6)
    assert value == seen[1]
    assert value != pytest.approx(values[-1], abs=1e-5)


def test_a_training_that_is_over_writes_what_a_killed_one_had_not(fabric, tmp_path):
    chase(fabric, tmp_path, scored(0.5, 0.6), optimisation())
    (tmp_path / "metrics.csv").unlink()
    _, seen, _ = chase(fabric, tmp_path, (), optimisation())
    assert not seen
    with (tmp_path / "metrics.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


def test_the_curves_of_a_resumed_training_go_on_after_its_last_whole_epoch(fabric, tmp_path, monkeypatch):
    first_epochs = []

    def board(folder: Path, first_epoch: int) -> TensorBoard:
        first_epochs.append(first_epoch)
        return TensorBoard(folder, first_epoch)

    monkeypatch.setattr(loop, "TensorBoard", board)
    with pytest.raises(IndexError):  # the third validation fails
        chase(fabric, tmp_path, scored(0.5, 0.6), optimisation(epochs=4))
    chase(fabric, tmp_path, scored(0.7, 0.8), optimisation(epochs=4))
    assert first_epochs == [1, 3]


@pytest.mark.parametrize("average", [None, 0.9])
def test_a_loss_that_is_not_finite_names_the_cases_and_keeps_the_epoch_before(
    fabric, teacher, tmp_path, monkeypatch, average
):
    cases = write_cases(tmp_path / "cache")
    settings = student_settings(optimisation=optimisation(average=average))
    whole = Path(shutil.copytree(cases.cache.folder, tmp_path / "whole"))
    write = loop.write_history

    def then_spoil(*arguments) -> None:
        write(*arguments)
        spoil(cases, "case04")

    folder, expected = tmp_path / "student", tmp_path / "expected"
    monkeypatch.setattr(loop, "write_history", then_spoil)
    with pytest.raises(TrainingError) as caught:
        train_student(fabric, cases, settings, teacher, 0, folder, title="student", show=False)
    monkeypatch.undo()
    assert caught.value.code == "loss_not_finite"
    assert "epoch 2" in caught.value.message
    assert "case04" in caught.value.message
    assert sum(name in caught.value.message for name in cases.training) == 2
    assert not (folder / "done.json").exists()

    # With the case mended it goes on to what it would have been.
    cases = replace(cases, cache=replace(cases.cache, folder=whole))
    for place in (folder, expected):
        train_student(fabric, cases, settings, teacher, 0, place, title="student", show=False)
    for name in ("metrics.csv", "weights.safetensors"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes()


def test_a_folder_with_a_training_of_other_settings_is_left_as_it_is(fabric, cases, teacher, tmp_path):
    folder = tmp_path / "student"
    train_student(fabric, cases, student_settings(), teacher, 0, folder, title="student", show=False)
    before = (folder / "checkpoint.pt").read_bytes()
    changed = student_settings(optimisation=optimisation(learning_rate=2e-3))
    with pytest.raises(TrainingError, match=r"optimisation.learning_rate: 0.001 in the checkpoint, 0.002 now"):
        train_student(fabric, cases, changed, teacher, 0, folder, title="student", show=False)
    with pytest.raises(TrainingError, match=r"seed: 0 in the checkpoint, 1 now"):
        train_student(fabric, cases, student_settings(), teacher, 1, folder, title="student", show=False)
    assert (folder / "checkpoint.pt").read_bytes() == before


def test_a_checkpoint_holds_what_the_training_is_of(fabric, teacher, cases, tmp_path):
    content = torch.load(teacher / "checkpoint.pt", weights_only=True)
    assert content["identity"]["training"] == sorted([*cases.training, *cases.unlabelled])
    assert read_checkpoint(teacher, content["identity"])["epoch"] == 2


def test_the_gradient_of_a_batch_in_parts_is_nearly_that_of_the_whole(cases):
    torch.manual_seed(0)
    settings = student_settings(method="alone")
    architecture = student_architecture(settings, cases.spec, cases.tracers)
    stage = StudentStage(build_network(architecture), Alone(architecture), None, settings).train()
    with torch.no_grad():
        for _ in range(4):
            stage(batch_of(cases, cases.training[2:]))
    weights = [parameter for parameter in stage.network.streams.parameters() if parameter.requires_grad]
    known = {name: value.clone() for name, value in stage.state_dict().items()}
    gradients = []
    for parts in ((cases.training[:4],), (cases.training[:2], cases.training[2:4])):
        stage.load_state_dict(known)
        loss = sum(stage(batch_of(cases, part))["cls"] for part in parts) / len(parts)
        found = torch.autograd.grad(loss, weights, allow_unused=True)
        gradients.append(torch.cat([gradient.flatten() for gradient in found if gradient is not None]))
    assert float(torch.cosine_similarity(*gradients, dim=0)) > 0.9
