import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.training.methods.batches import random_tensor, reaches_the_student_alone
from training.methods.rkd import angle_loss, distance_loss

LOSSES = [distance_loss, angle_loss]


def vectors(seed: int, cases: int = 4, channels: int = 5) -> torch.Tensor:
    return random_tensor(cases, channels, seed=seed)


def smooth_l1(difference: float) -> float:
    return 0.5 * difference**2 if abs(difference) < 1 else abs(difference) - 0.5


def scaled_distances(x: np.ndarray) -> np.ndarray:
    distances = np.array([[np.linalg.norm(a - b) for b in x] for a in x])
    return distances / distances[~np.eye(len(x), dtype=bool)].mean()


def angle(x: np.ndarray, i: int, j: int, k: int) -> float:
    if i in (j, k):
        return 0.0
    return (x[j] - x[i]) @ (x[k] - x[i]) / np.linalg.norm(x[j] - x[i]) / np.linalg.norm(x[k] - x[i])


def test_distances_equal_the_written_out_loop():
    student, teacher = vectors(0), vectors(1, channels=3)
    s, t = (scaled_distances(x.detach().numpy()) for x in (student, teacher))
    expected = np.mean([smooth_l1(s[i, j] - t[i, j]) for i, j in np.ndindex(4, 4)])
    assert float(distance_loss(student, teacher).detach()) == pytest.approx(expected, abs=1e-6)


def test_angles_equal_the_written_out_loop():
    student, teacher = vectors(0), vectors(1, channels=3)
    s, t = (x.detach().numpy() for x in (student, teacher))
    expected = np.mean([smooth_l1(angle(s, *ijk) - angle(t, *ijk)) for ijk in itertools.product(range(4), repeat=3)])
    assert float(angle_loss(student, teacher).detach()) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.01, 100), st.floats(-5, 5), st.integers(0, 5))
def test_neither_scale_nor_a_shift_nor_a_turn_of_the_student_matters(scale, shift, seed):
    student, teacher = vectors(seed), vectors(seed + 100)
    turn = torch.linalg.qr(vectors(7, 5)).Q
    for loss in LOSSES:
        torch.testing.assert_close(loss(scale * student @ turn + shift, teacher), loss(student, teacher))


@pytest.mark.parametrize("loss", LOSSES)
def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone(loss):
    student, teacher = vectors(0), vectors(1)
    assert float(loss(5 * teacher, teacher).detach()) == pytest.approx(0, abs=1e-12)
    assert reaches_the_student_alone(loss, student, teacher)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cases", [1, 2])
def test_below_three_cases_there_is_nothing_to_compare(loss, cases):
    assert float(loss(vectors(0, cases), vectors(1, cases)).detach()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_two_cases_that_the_student_cannot_tell_apart_get_a_finite_gradient(loss):
    student = vectors(0).detach().clone()
    student[1] = student[0]
    student.requires_grad_()
    loss(student, vectors(1)).backward()
    assert student.grad.isfinite().all()
    assert float(student.grad.abs().max()) < 100
