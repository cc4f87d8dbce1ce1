import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.training.losses.random_graphs import random_graph, reordered
from training.losses.edges import edge_loss

SHARED = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 1], [0, 1, 0, 0]], dtype=torch.bool)


def edges(seed: int) -> torch.Tensor:
    return random_graph(4, 4, 4, seed=seed).edges.detach().requires_grad_()


def written_out(student: torch.Tensor, teacher: torch.Tensor, shared: torch.Tensor) -> float:
    cases = []
    for s, t, rows in zip(student.detach(), teacher.detach(), shared, strict=True):
        pairs = itertools.combinations(rows.nonzero().flatten().tolist(), 2)
        squares = [float(s[i, j] - t[i, j]) ** 2 for i, j in pairs]
        cases.append(np.mean(squares) if squares else 0.0)
    return float(np.mean(cases))


def test_it_equals_the_written_out_loop():
    student, teacher = edges(0), edges(1)
    loss = edge_loss(student, teacher, SHARED).detach()
    assert float(loss) == pytest.approx(written_out(student, teacher, SHARED), abs=1e-6)


def test_it_is_zero_where_the_edges_agree():
    assert float(edge_loss(edges(0).detach(), edges(0), SHARED)) == 0


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(4)))
def test_reordering_the_regions_of_both_changes_nothing(order):
    student, teacher = random_graph(4, 4, 4, seed=0), random_graph(4, 4, 4, seed=1)
    same = edge_loss(reordered(student, order).edges, reordered(teacher, order).edges, SHARED[:, order])
    torch.testing.assert_close(same, edge_loss(student.edges, teacher.edges, SHARED))


def test_padding_and_regions_of_one_graph_alone_change_nothing_and_get_no_gradient():
    student, teacher = edges(0), edges(1)
    loss = edge_loss(student, teacher, SHARED)
    loss.backward()
    pairs = SHARED[:, :, None] & SHARED[:, None] & ~torch.eye(4, dtype=torch.bool)
    assert float(student.grad[~pairs].abs().max()) == 0
    assert float(student.grad[pairs].abs().min()) > 0
    more = torch.cat([SHARED, torch.zeros(3, 2, dtype=torch.bool)], 1)
    pad = torch.nn.ConstantPad2d((0, 2, 0, 2), 0.0)
    torch.testing.assert_close(edge_loss(pad(student), pad(teacher), more), loss)


def test_its_gradient_never_reaches_the_teacher():
    student, teacher = edges(0), edges(1)
    edge_loss(student, teacher, SHARED).backward()
    assert teacher.grad is None


@pytest.mark.parametrize("shared", [0, 1])
def test_without_a_pair_of_shared_regions_it_costs_and_teaches_nothing(shared):
    student = edges(0)
    loss = edge_loss(student, edges(1), (torch.arange(4) < shared).expand(3, -1))
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(student.grad.abs().max()) == 0
