import pytest
import torch
from scipy.special import rel_entr

from training.methods.mst_distill import balance_loss, routes


def test_routes_go_to_the_highest_gates_in_equal_shares():
    gates = torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])
    assert routes(gates, 1).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert routes(gates, 2).tolist() == [[0.5, 0, 0.5], [0, 0.5, 0.5]]


def test_balance_equals_the_relative_entropy_scipy_gives():
    gates = torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], dtype=torch.float64)
    expected = rel_entr([1 / 3] * 3, gates.numpy().mean(0)).sum() / 3
    assert float(balance_loss(gates)) == pytest.approx(expected, abs=1e-6)
    assert expected > 1e-3


def test_balanced_gates_cost_nothing_even_where_each_case_is_certain():
    assert float(balance_loss(torch.eye(3, dtype=torch.float64))) == pytest.approx(0, abs=1e-12)
