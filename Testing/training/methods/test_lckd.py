from dataclasses import replace

import pytest
import torch

from REACTKDLib.networks.batch import NetworkOutput
from Testing.training.methods.batches import architectures, random_batch, with_branches, without_pet
from training.losses.distillation import distillation_loss
from training.methods.lckd import LearnableCrossModal, elected
from training.methods.method import DistillBatch


def lckd(**options) -> LearnableCrossModal:
    networks = architectures((4, 6, 6), (4, 6, 6), (16, 16))
    return LearnableCrossModal(*networks, LearnableCrossModal.Options(**options))


def taught(structure: torch.Tensor, dose: torch.Tensor, labels: torch.Tensor) -> DistillBatch:
    return replace(with_branches(random_batch(len(labels)), structure=structure, dose=dose), labels=labels)


def test_each_grade_elects_the_teacher_that_errs_least_on_it():
    errors = torch.tensor([[0.1, 0.9, 0.1], [0.5, 0.2, 0.3]])
    votes = elected(errors, torch.tensor([0, 1, 2, -1]), torch.ones(4, 2, dtype=torch.bool))
    assert votes.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_a_teacher_that_the_case_lacks_does_not_stand_for_election():
    errors = torch.tensor([[0.1, 0.9, 0.1], [0.5, 0.2, 0.3]])
    votes = elected(errors, torch.tensor([0, -1, 0]), torch.tensor([[False, True], [True, False], [False, False]]))
    assert votes.tolist() == [[0, 1], [1, 0], [0, 0]]


def test_a_branch_is_not_judged_by_cases_that_lack_it():
    method = lckd()
    batch = taught(5 * torch.eye(3)[[0, 0]], torch.zeros(2, 3), torch.tensor([0, 0]))
    method(without_pet(batch))
    assert method.seen.tolist() == [[False, False, False], [True, False, False]]
    # Both as good as a guess.
    torch.testing.assert_close(method.errors, torch.full((2, 3), 3.0).log())


def test_the_student_learns_from_the_branch_that_knows_the_grade():
    knows_first = 5 * torch.eye(3)[[0, 0]]
    knows_second = 5 * torch.eye(3)[[1, 1]]
    batch = taught(knows_first, knows_second, torch.tensor([0, 1]))
    loss = lckd()(batch)["elected"]
    expected = distillation_loss(batch.student.logits, 5 * torch.eye(3)[[0, 1]])
    torch.testing.assert_close(loss, expected)


def test_a_student_that_agrees_with_the_elected_pays_nothing():
    batch = taught(5 * torch.eye(3)[[0, 1]], torch.zeros(2, 3), torch.tensor([0, 1]))
    student = NetworkOutput(batch.teacher.branch_logits["structure"], batch.student.features)
    assert float(lckd()(replace(batch, student=student))["elected"].detach()) == pytest.approx(0, abs=1e-6)


def test_errors_are_averaged_over_batches_by_grade_and_others_stay():
    method = lckd(momentum=0.5)
    first, second = torch.zeros(2, 3), torch.tensor([[2.0, 0, 0], [2.0, 0, 0]])
    method(taught(first, first, torch.tensor([0, 0])))
    method(taught(second, first, torch.tensor([0, -1])))
    flat = torch.tensor(3.0).log()
    sure = -torch.tensor([2.0, 0, 0]).log_softmax(0)[0]
    torch.testing.assert_close(method.errors[:, 0], torch.stack([(flat + sure) / 2, flat]))
    torch.testing.assert_close(method.errors[:, 1:], flat.expand(2, 2))
