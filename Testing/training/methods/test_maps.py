import numpy as np
import pytest
import torch

from Testing.training.methods.batches import random_tensor
from training.methods._maps import halved, on_one_grid, voxel_vectors


def test_both_maps_meet_on_the_coarser_grid_along_each_axis():
    student, teacher = random_tensor(2, 3, 4, 6, 2, seed=0), random_tensor(2, 5, 2, 12, 4, seed=1)
    ours, theirs = on_one_grid(student, teacher)
    assert ours.shape == (2, 3, 2, 6, 2)
    assert theirs.shape == (2, 5, 2, 6, 2)
    expected = teacher.detach().numpy().reshape(2, 5, 2, 6, 2, 2, 2).mean((4, 6))
    np.testing.assert_allclose(theirs, expected, atol=1e-12)
    assert ours.requires_grad
    assert not theirs.requires_grad


def test_maps_that_agree_are_left_as_they_are():
    student, teacher = random_tensor(2, 3, 4, 6, 2, seed=0), random_tensor(2, 5, 4, 6, 2, seed=1)
    ours, theirs = on_one_grid(student, teacher)
    assert torch.equal(ours, student)
    assert torch.equal(theirs, teacher)


@pytest.mark.parametrize(("times", "grid"), [(0, (1, 5, 8)), (1, (1, 3, 4)), (2, (1, 2, 2))])
def test_halving_rounds_up_and_keeps_the_mean_of_even_axes(times, grid):
    maps = random_tensor(1, 2, 1, 5, 8, seed=0)
    assert halved(maps, times).shape[2:] == grid
    even = maps[..., :4, :]
    torch.testing.assert_close(halved(even, times).mean((2, 3, 4)), even.mean((2, 3, 4)))


def test_a_voxel_is_a_vector_of_unit_length_in_the_order_of_the_grid():
    maps = random_tensor(2, 3, 2, 3, 4, seed=0)
    vectors = voxel_vectors(maps)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(2, 24, dtype=torch.float64))
    voxel = maps[1, :, 1, 2, 3]
    torch.testing.assert_close(vectors[1, 23], voxel / voxel.norm())
