import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr, softmax

from Testing.training.methods.batches import random_tensor
from training.methods._teachers import softmax_among, teacher_errors, weighted_distillation_loss

LABELS = torch.tensor([0, 2, -1])


def test_errors_are_the_cross_entropies_and_all_alike_without_a_grade():
    teachers = random_tensor(3, 2, 3, seed=0)
    log_p = log_softmax(teachers.detach().numpy(), axis=2)
    expected = [[-log_p[0, 0, 0], -log_p[0, 1, 0]], [-log_p[1, 0, 2], -log_p[1, 1, 2]], [0, 0]]
    np.testing.assert_allclose(teacher_errors(teachers, LABELS), expected, atol=1e-12)


def test_weight_is_shared_out_among_the_teachers_that_a_case_has():
    scores = torch.tensor([[0, np.log(3), 99], [-99, 5, 99], [1, 1, 1]])
    present = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
    expected = [[0.25, 0.75, 0], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(softmax_among(scores, present), expected, atol=1e-6)


def test_it_equals_the_written_out_loop():
    student, teachers = random_tensor(3, 3, seed=0), random_tensor(3, 2, 3, seed=1)
    weights = torch.rand(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = 0.0
    for case in range(3):
        q = softmax(student[case].detach().numpy() / 2)
        for teacher in range(2):
            p = softmax(teachers[case, teacher].detach().numpy() / 2)
            expected += float(weights[case, teacher]) * 4 * rel_entr(p, q).sum() / 3
    loss = weighted_distillation_loss(student, teachers, weights, 2.0)
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-6)


def test_where_all_teachers_agree_with_the_student_it_is_zero():
    student = random_tensor(3, 3, seed=0)
    teachers = student.detach()[:, None].expand(-1, 2, -1)
    loss = weighted_distillation_loss(student, teachers, torch.ones(3, 2), 2.0)
    assert float(loss.detach()) == pytest.approx(0, abs=1e-12)


def test_its_gradient_reaches_neither_teachers_nor_weights():
    student, teachers = random_tensor(3, 3, seed=0), random_tensor(3, 2, 3, seed=1)
    weights = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
    weighted_distillation_loss(student, teachers, weights, 2.0).backward()
    assert float(student.grad.norm()) > 0
    assert teachers.grad is None
    assert weights.grad is None
