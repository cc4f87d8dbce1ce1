import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from training.losses.focal import focal_loss

WEIGHTS = torch.tensor([1.5, 1.0, 2.0])
logits = st.lists(st.lists(st.floats(-8, 8), min_size=3, max_size=3), min_size=1, max_size=6)


def test_it_equals_the_written_out_example():
    p = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    expected = (1.5 * 0.3**2 * -torch.log(p[0, 0]) + 2.0 * 0.6**2 * -torch.log(p[1, 2])) / 2
    assert float(focal_loss(p.log(), torch.tensor([0, 2]), WEIGHTS)) == pytest.approx(float(expected), abs=1e-6)


@given(logits)
def test_without_focusing_it_is_the_weighted_cross_entropy(values):
    scores, labels = torch.tensor(values), torch.arange(len(values)) % 3
    expected = F.cross_entropy(scores, labels, WEIGHTS, reduction="none").mean()
    assert torch.allclose(focal_loss(scores, labels, WEIGHTS, focusing=0.0), expected, atol=1e-5)


@given(logits)
def test_it_is_finite_never_negative_and_below_the_cross_entropy(values):
    scores, labels = torch.tensor(values), torch.arange(len(values)) % 3
    loss = focal_loss(scores, labels, WEIGHTS)
    assert torch.isfinite(loss)
    assert 0 <= float(loss) <= float(focal_loss(scores, labels, WEIGHTS, focusing=0.0)) + 1e-6


def test_certainty_of_the_right_class_costs_nothing():
    assert float(focal_loss(torch.tensor([[50.0, 0, 0]]), torch.tensor([0]), WEIGHTS)) == 0
