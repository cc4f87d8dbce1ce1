import numpy as np
import pytest
import torch

from Testing.training.methods.batches import random_tensor, reaches_the_student_alone
from training.methods.mtcm_kd import attention_fused, multi_scale_loss, performance_weights


def test_weights_equal_the_written_out_example():
    # exp(−log 2) : exp(−log 6) = 3 : 1
    errors = torch.tensor([[np.log(2), np.log(6)], [0.3, 0.3], [0, 99]])
    # The third case has only the worse teacher.
    present = torch.tensor([[True, True], [True, True], [False, True]])
    np.testing.assert_allclose(performance_weights(errors, present), [[0.75, 0.25], [0.5, 0.5], [0, 1]], atol=1e-6)


def test_fused_features_equal_the_written_out_example():
    # One voxel, two channels; mean squares 1 and 3, so that shares are 1/4 and 3/4.
    first, second = torch.tensor([[1.0, 1.0]] * 3), torch.tensor([[0.0, 6**0.5]] * 3)
    present = torch.tensor([[True, True], [True, False], [False, True]])
    fused = attention_fused([maps[..., None, None, None] for maps in (first, second)], present)
    expected = [[0.25, 0.25 + 0.75 * 6**0.5], [1, 1], [0, 6**0.5]]
    np.testing.assert_allclose(fused[..., 0, 0, 0], expected, atol=1e-6)


def test_teachers_that_agree_are_fused_to_what_each_says_and_those_at_rest_to_nothing():
    teacher = random_tensor(2, 3, 2, 2, 2, seed=0).detach()
    present = torch.ones(2, 2, dtype=torch.bool)
    torch.testing.assert_close(attention_fused([teacher, teacher], present), teacher)
    assert float(attention_fused([0 * teacher, 0 * teacher], present).abs().max()) == 0


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
