import itertools

import numpy as np
import pytest
import torch

from Testing.training.methods.batches import random_tensor, reaches_the_student_alone
from training.methods._patches import patch_edge_loss, patch_vectors


def test_a_patch_is_the_mean_of_its_voxels():
    maps = random_tensor(2, 3, 4, 6, 8, seed=0)
    patches = patch_vectors(maps, (2, 3, 4)).detach().numpy()
    for index, (z, y, x) in enumerate(itertools.product(range(2), range(3), range(4))):
        block = maps.detach().numpy()[:, :, 2 * z : 2 * z + 2, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        np.testing.assert_allclose(patches[:, index], block.mean((2, 3, 4)), atol=1e-12)


def test_an_axis_shorter_than_its_patches_has_one_a_voxel():
    maps = random_tensor(1, 3, 1, 2, 8, seed=0)
    assert patch_vectors(maps, (4, 4, 4)).shape == (1, 1 * 2 * 4, 3)


def test_edges_equal_the_written_out_loop():
    student, teacher = random_tensor(2, 4, 5, seed=0), random_tensor(2, 4, 7, seed=1)

    def cosine(vectors: np.ndarray, i: int, j: int) -> float:
        return vectors[i] @ vectors[j] / np.linalg.norm(vectors[i]) / np.linalg.norm(vectors[j])

    cases = zip(student.detach().numpy(), teacher.detach().numpy(), strict=True)
    squares = [
        (cosine(s, i, j) - cosine(t, i, j)) ** 2 for s, t in cases for i, j in itertools.combinations(range(4), 2)
    ]
    assert float(patch_edge_loss(student, teacher).detach()) == pytest.approx(np.mean(squares), abs=1e-6)


def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = random_tensor(2, 4, 5, seed=0), random_tensor(2, 4, 5, seed=1)
    assert float(patch_edge_loss(2 * teacher, teacher).detach()) == pytest.approx(0, abs=1e-12)
    assert reaches_the_student_alone(patch_edge_loss, student, teacher)


def test_one_patch_has_no_pair_and_costs_nothing():
    assert float(patch_edge_loss(torch.randn(2, 1, 5), torch.randn(2, 1, 5))) == 0
