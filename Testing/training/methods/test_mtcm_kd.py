import numpy as np
import pytest
import torch

from Testing.training.methods.batches import random_tensor, reaches_the_student_alone
from training.methods.mtcm_kd import multi_scale_loss, performance_weights


def test_weights_equal_the_written_out_example():
    # exp(−log 2) : exp(−log 6) = 3 : 1
    weights = performance_weights(torch.tensor([[np.log(2), np.log(6)], [0.3, 0.3]]))
    np.testing.assert_allclose(weights, [[0.75, 0.25], [0.5, 0.5]], atol=1e-6)


def test_scales_equal_the_written_out_loop():
    student, teacher = random_tensor(2, 3, 4, 4, 4, seed=0), random_tensor(2, 3, 4, 4, 4, seed=1)
    difference = (student - teacher).detach().numpy()
    expected = np.mean(difference**2)
    for size in (2, 4):
        blocks = difference.reshape(2, 3, 4 // size, size, 4 // size, size, 4 // size, size).mean((3, 5, 7))
        expected += np.mean(blocks**2)
    assert float(multi_scale_loss(student, teacher, 3).detach()) == pytest.approx(expected / 3, abs=1e-6)


def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = random_tensor(2, 3, 4, 5, 3, seed=0), random_tensor(2, 3, 4, 5, 3, seed=1)
    assert float(multi_scale_loss(teacher, teacher, 3).detach()) == 0
    assert reaches_the_student_alone(lambda s, t: multi_scale_loss(s, t, 3), student, teacher)
