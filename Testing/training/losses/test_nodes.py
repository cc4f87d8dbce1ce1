import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.losses.nodes import node_loss


def nodes(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 4, 5, generator=generator, requires_grad=True)


SHARED = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 0, 0]], dtype=torch.bool)


def written_out(student: torch.Tensor, teacher: torch.Tensor, shared: torch.Tensor) -> float:
    cases = []
    for s, t, rows in zip(student.detach().double(), teacher.detach().double(), shared, strict=True):
        distances = [float((s[i] / s[i].norm() - t[i] / t[i].norm()).square().sum()) for i in rows.nonzero().flatten()]
        cases.append(np.mean(distances) if distances else 0.0)
    return float(np.mean(cases))


def test_it_equals_the_written_out_loop():
    student, teacher = nodes(0), nodes(1)
    loss = node_loss(student, teacher, SHARED).detach()
    assert float(loss) == pytest.approx(written_out(student, teacher, SHARED), abs=1e-6)


@settings(deadline=None)
@given(st.floats(0.01, 100))
def test_only_the_direction_of_a_feature_matters(scale):
    student = nodes(0).detach()
    assert float(node_loss(scale * student, student, SHARED)) == pytest.approx(0, abs=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(4)))
def test_reordering_the_regions_of_both_changes_nothing(order):
    student, teacher = nodes(0).detach(), nodes(1).detach()
    same = node_loss(student[:, order], teacher[:, order], SHARED[:, order])
    torch.testing.assert_close(same, node_loss(student, teacher, SHARED))


def test_padding_and_regions_of_one_graph_alone_change_nothing_and_get_no_gradient():
    student, teacher = nodes(0), nodes(1)
    loss = node_loss(student, teacher, SHARED)
    loss.backward()
    assert float(student.grad[~SHARED].abs().max()) == 0
    assert float(student.grad[SHARED].abs().amin(1).min()) > 0
    empty = torch.zeros(3, 2, 5)
    more = torch.cat([SHARED, torch.zeros(3, 2, dtype=torch.bool)], 1)
    torch.testing.assert_close(node_loss(torch.cat([student, empty], 1), torch.cat([teacher, empty], 1), more), loss)


def test_its_gradient_never_reaches_the_teacher():
    student, teacher = nodes(0), nodes(1)
    node_loss(student, teacher, SHARED).backward()
    assert teacher.grad is None


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_nothing_shared_costs_and_teaches_nothing(scale):
    student = (scale * nodes(0).detach()).requires_grad_()
    loss = node_loss(student, nodes(1), torch.zeros_like(SHARED))
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(student.grad.abs().max()) == 0


def test_a_batch_costs_the_mean_of_its_cases():
    student, teacher = nodes(0).detach(), nodes(1).detach()
    alone = [node_loss(student[k : k + 1], teacher[k : k + 1], SHARED[k : k + 1]) for k in range(3)]
    torch.testing.assert_close(node_loss(student, teacher, SHARED), torch.stack(alone).mean())
