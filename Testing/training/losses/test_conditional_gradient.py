import numpy as np
import ot
import pytest

from training.losses.conditional_gradient import best_local_coupling


def edges_of(regions: int, seed: int) -> np.ndarray:
    features = np.random.default_rng(seed).normal(size=(regions, 16))
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    return directions @ directions.T


def agreement(student: np.ndarray, teacher: np.ndarray, coupling: np.ndarray) -> float:
    """What a coupling of given measures makes as large as it can."""
    return float((student * (coupling @ teacher @ coupling.T)).sum())


@pytest.mark.parametrize(("n", "m"), [(7, 7), (7, 8), (12, 3)])
def test_it_is_as_good_as_what_conditional_gradient_makes_of_the_product_and_of_the_features(n, m):
    for seed in range(5):
        student, teacher = edges_of(n, seed), edges_of(m, seed + 100)
        cost = np.random.default_rng(seed).random((n, m))
        mu, nu = ot.unif(n), ot.unif(m)
        ours = agreement(student, teacher, best_local_coupling(student, teacher, cost))
        for start in (np.outer(mu, nu), ot.emd(mu, nu, cost)):
            theirs = ot.gromov.gromov_wasserstein(student, teacher, mu, nu, G0=start)
            assert ours >= agreement(student, teacher, theirs) - 1e-9


def test_the_edges_alone_lead_to_a_permuted_copy_that_the_features_and_the_product_miss():
    missed = 0
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(9)
        student = edges_of(9, seed)
        teacher = student[np.ix_(order, order)]
        misleading = np.random.default_rng(seed + 1).random((9, 9))
        mu = ot.unif(9)
        best = agreement(student, student, np.eye(9) / 9)
        for start in (np.outer(mu, mu), ot.emd(mu, mu, misleading)):
            found = ot.gromov.gromov_wasserstein(student, teacher, mu, mu, G0=start)
            missed += agreement(student, teacher, found) < best - 1e-6
        assert agreement(student, teacher, best_local_coupling(student, teacher, misleading)) == pytest.approx(best)
    assert missed > 0


def test_where_an_edge_is_not_a_number_it_is_the_product():
    student = edges_of(7, 0)
    student[0, 1] = np.nan
    np.testing.assert_allclose(best_local_coupling(student, edges_of(8, 1), np.ones((7, 8))), 1 / 56)
