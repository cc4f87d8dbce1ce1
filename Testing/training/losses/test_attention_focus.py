import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from REACTKDLib.networks.attribution import attribute, centre_head
from training.losses.attention_focus import attention_focus_loss

GRID = (2, 3, 4)


def a_batch() -> tuple[torch.Tensor, torch.Tensor, torch.nn.Linear]:
    torch.manual_seed(0)
    return torch.randn(3, 5, *GRID), torch.rand(3, *GRID), torch.nn.Linear(5, 3)


def a_lesion() -> torch.Tensor:
    lesions = torch.zeros(3, *GRID)
    lesions[:, 0, 0, :2] = 1
    return lesions


def test_it_equals_the_written_out_loop():
    features, lesions, head = a_batch()
    weight = head.weight.detach()
    mean = weight.mean(0)
    expected = 0.0
    for case in range(3):
        inside = total = 0.0
        for grade in range(3):
            for z, y, x in torch.ones(GRID).nonzero().tolist():
                share = abs(float((weight[grade] - mean) @ features[case, :, z, y, x]))
                inside += float(lesions[case, z, y, x]) * share
                total += share
        expected -= math.log(inside / total) / 3
    assert attention_focus_loss(features, lesions, head.weight).item() == pytest.approx(expected, rel=1e-5)


def test_it_reads_the_voxels_that_the_attribution_of_a_centred_head_shows():
    features, lesions, head = a_batch()
    voxels = attribute(features, lesions[:, None], centre_head(head)).voxels.abs().sum(1)
    shares = (lesions * voxels).sum((1, 2, 3)) / voxels.sum((1, 2, 3))
    assert torch.allclose(attention_focus_loss(features, lesions, head.weight), -shares.log().mean(), atol=1e-6)


def test_it_is_zero_where_all_attention_is_in_the_lesions():
    features, _, head = a_batch()
    lesions = a_lesion()
    assert attention_focus_loss(features * lesions[:, None], lesions, head.weight).item() == pytest.approx(0, abs=1e-6)


def test_half_the_attention_in_the_lesions_costs_log_two_even_where_the_rest_cancels():
    lesions, features = torch.zeros(1, *GRID), torch.zeros(1, 1, *GRID)
    lesions[0, 0, 0, 0] = 1
    features[0, 0, 0, 0] = torch.tensor([2.0, 1.0, -1.0, 0.0])
    weight = torch.tensor([[1.0], [0.0], [-1.0]])
    assert attention_focus_loss(features, lesions, weight).item() == pytest.approx(math.log(2))


@given(st.floats(0.01, 100), st.floats(-5, 5))
def test_neither_the_scale_of_the_head_nor_what_all_classes_share_matters(scale, common):
    features, lesions, head = a_batch()
    same = attention_focus_loss(features, lesions, scale * (head.weight + common))
    assert torch.allclose(same, attention_focus_loss(features, lesions, head.weight), atol=1e-4)


def test_a_step_down_its_gradient_in_features_or_head_lowers_it():
    features, lesions, head = a_batch()
    weight = head.weight.detach().requires_grad_()
    features.requires_grad_()
    before = attention_focus_loss(features, lesions, weight)
    before.backward()
    with torch.no_grad():
        assert attention_focus_loss(features - 0.1 * features.grad, lesions, weight) < before
        assert attention_focus_loss(features, lesions, weight - 0.1 * weight.grad) < before


@pytest.mark.parametrize("left", [1e-6, 1e-15])
def test_lesions_with_hardly_any_attention_still_get_a_gradient(left):
    features, _, head = a_batch()
    lesions = a_lesion()
    features = torch.where(lesions[:, None] > 0, left * features, features).requires_grad_()
    attention_focus_loss(features, lesions, head.weight).backward()
    assert float((features.grad * lesions[:, None]).norm()) > 1


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_without_a_lesion_or_any_attention_it_is_finite_and_teaches_nothing(signal):
    features, lesions, head = a_batch()
    features = (signal * features).requires_grad_()
    loss = attention_focus_loss(features, (1 - signal) * lesions, head.weight)
    loss.backward()
    assert torch.isfinite(loss)
    assert float(features.grad.abs().max()) == 0
