import pytest
import torch
from scipy.special import rel_entr

from Testing.training.methods.batches import architectures, random_batch, without_pet
from training.losses.distillation import distillation_loss
from training.methods.mst_distill import SpecialisedTeachers, balance_loss, routes


def test_routes_go_to_the_highest_gates_in_equal_shares():
    gates = torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])
    everyone = torch.ones(2, 3, dtype=torch.bool)
    assert routes(gates, everyone, 1).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert routes(gates, everyone, 2).tolist() == [[0.5, 0, 0.5], [0, 0.5, 0.5]]


def test_a_route_goes_round_a_teacher_that_the_case_lacks():
    gates = torch.tensor([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]])
    present = torch.tensor([[False, True, True], [True, False, True]])
    assert routes(gates, present, 1).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert routes(gates, present, 3).tolist() == [[0, 0.5, 0.5], [0.5, 0, 0.5]]


def test_balance_equals_the_relative_entropy_scipy_gives():
    gates = torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], dtype=torch.float64)
    expected = rel_entr([1 / 3] * 3, gates.numpy().mean(0)).sum() / 3
    assert float(balance_loss(gates)) == pytest.approx(expected, abs=1e-6)
    assert expected > 1e-3


def test_balanced_gates_cost_nothing_even_where_each_case_is_certain():
    assert float(balance_loss(torch.eye(3, dtype=torch.float64))) == pytest.approx(0, abs=1e-12)


def test_a_case_without_pet_is_taught_by_the_whole_teacher_and_the_dose_branch():
    batch = without_pet(random_batch())
    networks = architectures((4, 6, 6), (4, 6, 6), (16, 16))
    method = SpecialisedTeachers(*networks, SpecialisedTeachers.Options(teachers=3))
    taught_by = (batch.teacher.logits, batch.teacher.branch_logits["dose"])
    expected = sum(distillation_loss(batch.student.logits, logits, 4.0) for logits in taught_by) / 2
    torch.testing.assert_close(method(batch)["routed"], expected)
