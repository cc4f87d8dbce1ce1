import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from Testing.training.methods.batches import random_tensor, reaches_the_student_alone
from training.methods.awmtkd import adaptive_weights, weighted_edge_loss, weighted_feature_loss

BOTH = torch.tensor([[True, True]])
WEIGHTS = torch.tensor([[0.75, 0.25], [0.0, 1.0]], dtype=torch.float64)


def test_weights_equal_the_written_out_example():
    # softmax of (0, log 3) is 1/4, 3/4; of three alike a third each.
    np.testing.assert_allclose(adaptive_weights(torch.tensor([[0, np.log(3)]]), BOTH), [[0.75, 0.25]], atol=1e-6)
    three = torch.ones(1, 3, dtype=torch.bool)
    np.testing.assert_allclose(adaptive_weights(torch.zeros(1, 3), three), [[1 / 3] * 3], atol=1e-6)


def test_weights_are_shared_out_among_the_teachers_that_the_case_has():
    errors = torch.tensor([[0, np.log(3), 50], [0, 9, 50], [1, 2, 3]])
    present = torch.tensor([[True, True, False], [False, False, True], [False, False, False]])
    expected = [[0.75, 0.25, 0], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_allclose(adaptive_weights(errors, present), expected, atol=1e-6)


@given(st.lists(st.floats(0, 20), min_size=2, max_size=4))
def test_weights_sum_to_one_and_fall_with_the_error(errors):
    present = torch.ones(1, len(errors), dtype=torch.bool)
    weights = adaptive_weights(torch.tensor([errors], dtype=torch.float64), present)[0]
    np.testing.assert_allclose(float(weights.sum()), 1, atol=1e-9)
    assert weights.argmax() in [k for k, error in enumerate(errors) if error <= min(errors) + 1e-9]


def test_features_equal_the_written_out_loop():
    students = [random_tensor(2, 3, 2, 2, 1, seed=seed) for seed in (0, 1)]
    teachers = [random_tensor(2, 3, 2, 2, 1, seed=seed) for seed in (2, 3)]
    expected = 0.0
    for case, teacher in itertools.product(range(2), range(2)):
        difference = (students[teacher][case] - teachers[teacher][case]).detach().numpy()
        expected += float(WEIGHTS[case, teacher]) * np.mean(difference**2) / 2
    assert float(weighted_feature_loss(students, teachers, WEIGHTS).detach()) == pytest.approx(expected, abs=1e-6)


def test_edges_equal_the_written_out_loop():
    student = random_tensor(2, 3, 4, seed=0)
    teachers = [random_tensor(2, 3, 5, seed=seed) for seed in (1, 2)]

    def cosine(vectors: torch.Tensor, i: int, j: int) -> float:
        a, b = vectors.detach().numpy()[[i, j]]
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    expected = 0.0
    for case, teacher in itertools.product(range(2), range(2)):
        squares = [
            (cosine(student[case], i, j) - cosine(teachers[teacher][case], i, j)) ** 2
            for i, j in itertools.combinations(range(3), 2)
        ]
        expected += float(WEIGHTS[case, teacher]) * np.mean(squares) / 2
    assert float(weighted_edge_loss(student, teachers, WEIGHTS).detach()) == pytest.approx(expected, abs=1e-6)


def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = random_tensor(2, 3, 2, 2, 1, seed=0), random_tensor(2, 3, 2, 2, 1, seed=1)
    assert float(weighted_feature_loss([teacher] * 2, [teacher] * 2, WEIGHTS).detach()) == 0
    assert reaches_the_student_alone(lambda s, t: weighted_feature_loss([s] * 2, [t] * 2, WEIGHTS), student, teacher)
    student, teacher = random_tensor(2, 3, 4, seed=0), random_tensor(2, 3, 4, seed=1)
    assert float(weighted_edge_loss(teacher, [teacher] * 2, WEIGHTS).detach()) == pytest.approx(0, abs=1e-12)
    assert reaches_the_student_alone(lambda s, t: weighted_edge_loss(s, [t] * 2, WEIGHTS), student, teacher)
