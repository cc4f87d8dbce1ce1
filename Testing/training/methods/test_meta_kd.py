import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from Testing.training.methods.batches import random_tensor
from training.methods.meta_kd import importance_loss, importance_weights

BOTH = torch.ones(3, 2, dtype=torch.bool)
LABELS = torch.tensor([0, 2, -1])


def test_it_equals_the_written_out_loop():
    importance, teachers = random_tensor(2, seed=0), random_tensor(3, 2, 3, seed=1)
    weights = softmax(importance.detach().numpy())
    expected = 0.0
    for case in range(2):
        mixed = sum(weights[k] * teachers[case, k].detach().numpy() for k in range(2))
        expected -= log_softmax(mixed)[int(LABELS[case])] / 2
    loss = importance_loss(importance_weights(importance, BOTH), teachers, LABELS)
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-6)


def test_a_teacher_that_the_case_lacks_weighs_nothing_and_the_other_all():
    importance = torch.tensor([np.log(3.0), 0.0])
    weights = importance_weights(importance, torch.tensor([[True, True], [False, True]]))
    np.testing.assert_allclose(weights, [[0.75, 0.25], [0, 1]], atol=1e-6)


def test_the_teacher_that_is_right_grows_in_importance_and_no_teacher_changes():
    importance = torch.zeros(2, requires_grad=True)
    right = 2 * torch.eye(3)
    teachers = torch.stack([right, right.roll(1, 1)], 1).requires_grad_()
    importance_loss(importance_weights(importance, BOTH), teachers, torch.arange(3)).backward()
    assert float(importance.grad[0]) < 0 < float(importance.grad[1])
    assert teachers.grad is None


def test_without_a_grade_nothing_is_learned():
    importance = torch.zeros(2, requires_grad=True)
    loss = importance_loss(importance_weights(importance, BOTH[:2]), torch.randn(2, 2, 3), torch.tensor([-1, -1]))
    loss.backward()
    assert float(loss.detach()) == 0
    np.testing.assert_array_equal(importance.grad, 0)
