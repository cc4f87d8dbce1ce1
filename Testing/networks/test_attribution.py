import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.attribution import attribute, centre_head
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.head import classify


@st.composite
def lesions_on_a_grid(draw):
    """Soft weights (1, R, 4, 6, 6) of boxes on a grid four times finer, from a single fine voxel up, liver first."""
    labels = torch.zeros(16, 24, 24, dtype=torch.long)
    labels[2:14, 3:21, 3:21] = 1
    count = draw(st.integers(0, 4))
    for lesion in range(count):
        corner = [draw(st.integers(3, n - 9)) for n in labels.shape]
        size = [draw(st.integers(1, 5)) for _ in range(3)]
        labels[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = 2 + lesion
    masks = functional.one_hot(labels, count + 2)[..., 1:].permute(3, 0, 1, 2)[None]
    return functional.avg_pool3d(masks.float(), 4)


@settings(deadline=None, max_examples=40)
@given(lesions_on_a_grid(), st.integers(0, 2**16))
def test_bias_background_and_nodes_add_up_to_the_logits(weights, seed):
    generator = torch.Generator().manual_seed(seed)
    features = 10 * torch.randn(1, 8, *weights.shape[2:], generator=generator)
    head = nn.Linear(8, 3)
    logits = classify(head, features)
    attribution = attribute(features, weights, head)
    whole = attribution.bias + attribution.background + attribution.nodes.sum(1)
    torch.testing.assert_close(whole, logits, atol=1e-4, rtol=1e-4)
    voxels = attribution.bias + attribution.voxels.sum((2, 3, 4))
    torch.testing.assert_close(voxels, logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_attribution_of_a_network_adds_up_to_its_logits_in_any_precision(small_student, precision):
    yes = torch.ones(2, dtype=torch.bool)
    batch = ModalityBatch({m: torch.randn(2, 3, 8, 16, 16) for m in ("ct", "fdg")}, {"ct": yes, "fdg": yes})
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        output = small_student(batch)
        weights = torch.rand(2, 3, *output.features.shape[2:]) / 3
        attribution = attribute(output.features, weights, small_student.head)
    whole = attribution.bias + attribution.background + attribution.nodes.sum(1)
    torch.testing.assert_close(whole, output.logits, atol=1e-4, rtol=0)


def test_a_node_holds_the_shares_of_its_voxels():
    features, head = torch.randn(2, 8, 3, 4, 5), nn.Linear(8, 3)
    weights = functional.one_hot(torch.randint(0, 3, (2, 3, 4, 5)), 3).permute(0, 4, 1, 2, 3).float()
    attribution = attribute(features, weights, head)
    expected = torch.einsum("brdhw,bkdhw->brk", weights, attribution.voxels)
    torch.testing.assert_close(attribution.nodes, expected)
    assert attribution.background.abs().max() < 1e-5


def test_a_region_of_padding_has_no_attention():
    weights = torch.zeros(1, 2, 3, 4, 5)
    weights[:, 0] = 1
    attribution = attribute(torch.randn(1, 8, 3, 4, 5), weights, nn.Linear(8, 3))
    assert attribution.nodes[:, 1].abs().max() == 0


def test_weights_of_another_grid_are_refused():
    with pytest.raises(ValueError, match="differ"):
        attribute(torch.zeros(1, 8, 3, 4, 5), torch.zeros(1, 2, 5, 4, 3), nn.Linear(8, 3))


def test_centring_the_head_changes_no_probability():
    features, head = torch.randn(4, 8, 3, 4, 5), nn.Linear(8, 3)
    with torch.no_grad():
        head.weight.add_(5)
        head.bias.add_(2)
    centred = centre_head(head)
    before, after = classify(head, features).softmax(1), classify(centred, features).softmax(1)
    torch.testing.assert_close(before, after, atol=1e-5, rtol=1e-4)


def test_after_centring_what_all_classes_share_has_no_attention():
    head = nn.Linear(8, 3)
    with torch.no_grad():
        head.weight.copy_(torch.randn(8).expand(3, 8))
    features, weights = torch.randn(1, 8, 3, 4, 5), torch.ones(1, 1, 3, 4, 5)
    assert attribute(features, weights, head).nodes.abs().max() > 1e-3
    assert attribute(features, weights, centre_head(head)).nodes.abs().max() < 1e-6


def test_attention_moves_with_the_lesion():
    """Input and masks moved by whole voxels of the coarsest map, over a constant surround.

    Every convolution then meets the same neighbourhoods at the same phase, and so does the upsampling; instance
    normalisation and CBAM's pools are over the whole map, which holds the same voxels in other places. The lesion stays
    further from the rim, where convolutions see zero padding, than their receptive field. What is left is rounding.
    """
    architecture = Architecture(
        network="student", width=8, init_filters=4, blocks_down=(1, 1), stride=2, grid=(32, 64, 64), classes=2
    )
    student = build_network(architecture).eval()
    coarsest = max(architecture.strides)
    shift = (0, 2 * coarsest, -3 * coarsest)
    image = torch.zeros(1, 3, *architecture.grid)
    image[..., 14:18, 26:32, 36:42] = torch.randn(1, 3, 4, 6, 6)
    mask = (image[:, :1] != 0).float()

    def node_and_voxels(image, mask):
        with torch.no_grad():
            features = student(ModalityBatch({"ct": image}, {"ct": torch.tensor([True])})).features
        result = attribute(features, functional.avg_pool3d(mask, architecture.stride), student.head)
        return result.nodes, result.voxels

    nodes, voxels = node_and_voxels(image, mask)
    moved = [torch.roll(array, shift, (2, 3, 4)) for array in (image, mask)]
    moved_nodes, moved_voxels = node_and_voxels(*moved)
    feature_shift = tuple(s // architecture.stride for s in shift)
    assert nodes.abs().max() > 1e-4
    torch.testing.assert_close(moved_nodes, nodes, atol=1e-6, rtol=1e-3)
    inner = (..., slice(5, 11), slice(12, 22), slice(10, 22))
    expected = torch.roll(voxels, feature_shift, (2, 3, 4))
    torch.testing.assert_close(moved_voxels[inner], expected[inner], atol=1e-8, rtol=1e-3)
