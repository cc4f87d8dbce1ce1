import itertools
import math

import numpy as np
import pytest

from training.losses.uniform_couplings import pushes, row_orders, vertices


def all_vertices(n: int, m: int) -> np.ndarray:
    """With their rows in every order, (V, n, m)."""
    plans = vertices(n, m).double().numpy()
    orders = row_orders(n).numpy()
    return np.unique(plans[:, orders].reshape(-1, n, m).round(6), axis=0)


def basic_solutions(n: int, m: int) -> np.ndarray:
    """The vertices as linear programming defines them: n + m - 1 cells whose equations have one solution, >= 0."""
    constraints = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])[:-1]
    sums = np.array([1 / n] * n + [1 / m] * (m - 1))
    bases = np.array(list(itertools.combinations(range(n * m), n + m - 1)))
    matrices = constraints[:, bases].transpose(1, 0, 2)
    regular = np.abs(np.linalg.det(matrices)) > 0.5
    values = np.linalg.solve(matrices[regular], np.broadcast_to(sums[:, None], (regular.sum(), n + m - 1, 1)))[..., 0]
    feasible = (values > -1e-9).all(1)
    plans = np.zeros((feasible.sum(), n * m))
    np.put_along_axis(plans, bases[regular][feasible], values[feasible], axis=1)
    return np.unique(plans.clip(0).round(6).reshape(-1, n, m), axis=0)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (2, 2), (2, 3), (2, 4), (2, 6), (3, 3), (3, 4), (3, 5), (4, 4)])
def test_they_are_the_basic_solutions_of_the_transport_polytope(n, m):
    np.testing.assert_allclose(all_vertices(n, m), basic_solutions(n, m), atol=2e-6)


@pytest.mark.parametrize("n", range(1, 7))
def test_as_many_points_on_both_sides_leave_only_permutations(n):
    assert vertices(n, n).shape[0] == 1
    assert len(all_vertices(n, n)) == math.factorial(n)


@pytest.mark.parametrize("n", range(2, 6))
def test_one_point_more_gives_a_vertex_for_every_tree_with_numbered_edges(n):
    # A row holds (n + 1) units and a column n, so that a row reaches two columns: it is an edge of a tree on the
    # columns, of which Cayley counts (n + 1)^(n - 1).
    assert vertices(n, n + 1).shape[0] == (n + 1) ** (n - 1)
    assert len(all_vertices(n, n + 1)) == math.factorial(n) * (n + 1) ** (n - 1)


@pytest.mark.parametrize(("n", "m"), [(1, 32), (4, 6), (5, 6)])
def test_every_one_couples_two_uniform_measures_on_a_forest(n, m):
    plans = vertices(n, m)
    assert plans.min() >= 0
    np.testing.assert_allclose(plans.sum(2), 1 / n, atol=1e-6)
    np.testing.assert_allclose(plans.sum(1), 1 / m, atol=1e-6)
    assert int((plans > 0).sum((1, 2)).max()) <= n + m - 1


def test_a_push_carries_a_matrix_through_each_vertex():
    matrix = np.random.default_rng(0).normal(size=(4, 4))
    expected = [plan @ matrix @ plan.T for plan in vertices(3, 4).numpy()]
    np.testing.assert_allclose((pushes(3, 4).numpy() @ matrix.ravel()).reshape(-1, 3, 3), expected, atol=1e-6)
