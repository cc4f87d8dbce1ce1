import copy

import pytest
import torch

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.student import Student
from training.lora import add_lora, merge_lora

RANK = 2


@pytest.fixture
def student() -> Student:
    torch.manual_seed(0)
    return build_network(
        Architecture(network="student", width=16, init_filters=4, blocks_down=(1, 1, 1), grid=(8, 16, 16))
    )


@pytest.fixture
def batch() -> ModalityBatch:
    torch.manual_seed(1)
    everyone = torch.ones(2, dtype=torch.bool)
    return ModalityBatch(
        {name: torch.randn(2, 3, 8, 16, 16) for name in ("ct", "fdg")}, {"ct": everyone, "fdg": everyone}
    )


def train(student: Student, batch: ModalityBatch, steps: int = 3) -> None:
    learning = [parameter for parameter in student.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, 1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(student(batch).logits, torch.tensor([0, 1])).backward()
        optimiser.step()


def test_an_adapted_student_starts_as_the_one_it_was(student, batch):
    before = student(batch)
    after = add_lora(student, RANK)(batch)
    assert torch.equal(after.logits, before.logits)
    assert torch.equal(after.features, before.features)


def test_gradient_reaches_the_updates_and_what_follows_the_encoders_but_no_trained_weight_of_them(student, batch):
    add_lora(student, RANK)
    train(student, batch, steps=1)
    student.zero_grad()
    student(batch).logits.square().sum().backward()
    for name, parameter in student.named_parameters():
        update = name.endswith((".up", ".down"))
        assert (parameter.grad is None) == (".encoder." in name and not update), name
        if update:
            assert parameter.grad.abs().max() > 0, name


def test_the_encoders_trained_weights_stay_what_they_were(student, batch):
    before = copy.deepcopy(student.state_dict())
    train(add_lora(student, RANK), batch)
    after = student.state_dict()
    frozen = {
        name: name.replace(".parametrizations.weight.original", ".weight") for name in after if ".encoder." in name
    }
    kept = [name for name, plain in frozen.items() if plain in before]
    assert len(kept) == sum(".encoder." in name for name in before)
    assert all(torch.equal(after[name], before[frozen[name]]) for name in kept)


def test_a_merged_student_says_what_the_adapted_one_said_and_not_what_the_first_one_did(student, batch):
    first = student(batch).logits
    train(add_lora(student, RANK), batch)
    adapted = student(batch).logits
    merged = merge_lora(student)(batch).logits
    torch.testing.assert_close(merged, adapted)
    assert (adapted - first).abs().max() > 1e-2


def test_each_convolution_moves_within_the_rank(student, batch):
    before = {name: weight.clone() for name, weight in student.state_dict().items()}
    train(add_lora(student, RANK), batch)
    after = merge_lora(student).state_dict()
    moved = [
        (after[name] - before[name]).flatten(1).double()
        for name in before
        if ".encoder." in name and before[name].ndim == 5
    ]
    assert moved
    for change in moved:
        sizes = torch.linalg.svdvals(change)
        assert sizes[0] > 1e-4
        # What is left beyond the rank is float32 rounding of the sum.
        assert (sizes[RANK:] < 1e-3 * sizes[0]).all()


def test_a_merged_student_is_a_plain_one_whose_weights_load_and_train(student, batch):
    plain = copy.deepcopy(student)
    train(add_lora(student, RANK), batch)
    merge_lora(student)
    assert student.state_dict().keys() == plain.state_dict().keys()
    assert {type(module) for module in student.modules()} == {type(module) for module in plain.modules()}
    assert all(parameter.requires_grad for parameter in student.parameters())
    plain.load_state_dict(student.state_dict())
    torch.testing.assert_close(plain(batch).logits, student(batch).logits)


def test_an_adapted_students_state_comes_back_into_another_adapted_one(student, batch):
    other = add_lora(copy.deepcopy(student), RANK)
    train(add_lora(student, RANK), batch)
    other.load_state_dict(student.state_dict())
    assert torch.equal(other(batch).logits, student(batch).logits)


def test_few_weights_of_the_encoders_learn():
    student = add_lora(build_network(Architecture(network="student")), 4)
    encoder = student.streams["ct"].encoder
    learning = sum(parameter.numel() for parameter in encoder.parameters() if parameter.requires_grad)
    assert 0 < learning < 0.1 * sum(parameter.numel() for parameter in encoder.parameters())


def test_the_same_seed_draws_the_same_update(student):
    other = copy.deepcopy(student)
    states = []
    for network in (student, other):
        torch.manual_seed(7)
        states.append(add_lora(network, RANK).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_adapting_twice_merging_nothing_and_a_rank_of_zero_are_refused(student):
    with pytest.raises(ValueError, match="rank"):
        add_lora(student, 0)
    with pytest.raises(ValueError, match="no low-rank"):
        merge_lora(student)
    add_lora(student, RANK)
    with pytest.raises(ValueError, match="already"):
        add_lora(student, RANK)
