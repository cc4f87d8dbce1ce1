import pytest
import torch
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import ModalityBatch
from training.explanations.maps import (
    attention_transfer_map,
    grad_cam_map,
    node_attention_map,
    occlusion_map,
    react_kd_map,
)

from .linear_network import STRIDE, LooksAtOneBlock, bright_block, in_block, of_class

MAPS = (react_kd_map, grad_cam_map, occlusion_map, attention_transfer_map)


@pytest.fixture(params=["student", "teacher"])
def network(request):
    torch.manual_seed(0)
    if request.param == "student":
        choices = {"init_filters": 4, "blocks_down": (1, 1, 1), "grid": (8, 16, 16)}
    else:
        choices = {"feature_size": 12, "grid": (16, 32, 32)}
    return build_network(Architecture(network=request.param, width=16, **choices)).eval()


@pytest.fixture
def batch(network):
    torch.manual_seed(1)
    image = {modality: torch.randn(3, 3, *network.architecture.grid) for modality in ("ct", "fdg")}
    return ModalityBatch(image, {"ct": torch.tensor([True] * 3), "fdg": torch.tensor([True, False, True])})


CLASSES = torch.tensor([2, 0, 1])


@pytest.mark.parametrize("attention", MAPS)
def test_every_map_points_at_the_one_block_that_counts(attention):
    values = attention(LooksAtOneBlock(), bright_block(), of_class())
    inside = in_block().expand_as(values)
    assert values.dtype == torch.float32
    assert values[inside].min() > values[~inside].max()
    assert values[~inside].abs().max() < 1e-6 * values[inside].min()


def test_react_kd_map_and_the_centred_bias_add_up_to_the_logit_above_the_mean_of_the_classes(network, batch):
    with torch.no_grad():
        logits, bias = network(batch).logits, network.head.bias
    expected = logits - logits.mean(1, keepdim=True)
    whole = react_kd_map(network, batch, CLASSES).sum((1, 2, 3)) + (bias - bias.mean())[CLASSES]
    torch.testing.assert_close(whole, expected[torch.arange(3), CLASSES], atol=1e-4, rtol=0)


def test_react_kd_maps_of_all_classes_cancel(network, batch):
    total = sum(react_kd_map(network, batch, torch.full((3,), grade)) for grade in range(3))
    assert total.abs().max() < 1e-5


def test_every_region_is_filled_with_the_sum_of_the_voxels_attention_in_it(network, batch):
    """Two regions without a voxel in common, and one half of each voxel of a third."""
    voxels = react_kd_map(network, batch, CLASSES)
    regions = torch.zeros(3, 3, *voxels.shape[1:])
    regions[:, 0, :1] = regions[:, 1, 1:, :2] = 1.0
    regions[:, 2, 1:, 3:4] = 0.5
    found = node_attention_map(network, batch, CLASSES, regions)
    for case in range(3):
        sums = [(voxels[case] * weights).sum() for weights in regions[case]]
        for total, weights in zip(sums, regions[case], strict=True):
            inside = weights > 0
            torch.testing.assert_close(found[case][inside], total * weights[inside], atol=1e-5, rtol=1e-4)
        assert (found[case][regions[case].sum(0) == 0] == 0).all()


def test_grad_cam_is_the_positive_part_of_what_the_linear_head_reads(network, batch):
    with torch.no_grad():
        features = network(batch).features
    shares = torch.einsum("bcdhw,bc->bdhw", features, network.head.weight.detach()[CLASSES])
    expected = F.relu(shares) / features[0, 0].numel()
    torch.testing.assert_close(grad_cam_map(network, batch, CLASSES), expected, atol=1e-6, rtol=1e-4)


def test_grad_cam_leaves_no_hook_and_no_gradient_on_the_network(network, batch):
    grad_cam_map(network, batch, CLASSES)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())


def test_grad_cam_works_where_gradients_are_off(network, batch):
    expected = grad_cam_map(network, batch, CLASSES)
    with torch.no_grad():
        assert torch.equal(grad_cam_map(network, batch, CLASSES), expected)


def test_each_case_gets_the_map_of_its_own_class(network, batch):
    for attention in (react_kd_map, grad_cam_map):
        alone = attention(network, batch, torch.full((3,), 2))
        torch.testing.assert_close(attention(network, batch, CLASSES)[0], alone[0])
        assert not torch.allclose(attention(network, batch, CLASSES)[2], alone[2])


@pytest.mark.parametrize("window", [1, 2])
def test_occlusion_of_a_linear_network_is_the_change_of_its_weighted_mean(window):
    batch, network = bright_block(), LooksAtOneBlock()
    image = batch.images["ct"][:, 0]
    excess = F.avg_pool3d((image - image.mean((1, 2, 3), keepdim=True))[:, None], STRIDE)[:, 0] * in_block()
    # The other two logits do not move, so that two thirds of the fall is above the mean of the three.
    expected = 2 / 3 * excess / in_block().sum()
    if window == 2:
        expected = F.interpolate(8 * F.avg_pool3d(expected[:, None], 2), scale_factor=2)[:, 0]
    torch.testing.assert_close(occlusion_map(network, batch, of_class(), window), expected, atol=1e-5, rtol=1e-5)


def test_occlusion_covers_a_grid_that_its_window_does_not_divide():
    values = occlusion_map(LooksAtOneBlock(), bright_block(), of_class(), window=5)
    assert values.shape == (2, 4, 6, 6)
    assert (values[:, :4, :5, 5] != 0).all()


def test_attention_transfer_is_the_mean_square_over_channels_whatever_the_class(network, batch):
    with torch.no_grad():
        features = network(batch).features.numpy()
    values = attention_transfer_map(network, batch, CLASSES)
    assert torch.equal(values, attention_transfer_map(network, batch, CLASSES.flip(0)))
    torch.testing.assert_close(values, torch.from_numpy((features**2).mean(1)))
