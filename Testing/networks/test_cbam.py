import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.cbam import CBAM3D, LEAST, share_cbam


def test_attention_is_that_of_the_paper_written_out():
    cbam = CBAM3D(16).eval()
    features = torch.randn(2, 16, 3, 4, 5)
    first, _, second = cbam.channel
    scores = 0
    for pooled in (features.flatten(2).mean(-1), features.flatten(2).max(-1).values):
        hidden = (pooled @ first.weight.T + first.bias).clamp_min(0)
        scores = scores + hidden @ second.weight.T + second.bias
    weighted = features / (1 + torch.exp(-scores))[:, :, None, None, None]
    summary = torch.nn.functional.pad(torch.stack([weighted.mean(1), weighted.max(1).values], 1), (3,) * 6)
    patches = summary.unfold(2, 7, 1).unfold(3, 7, 1).unfold(4, 7, 1)
    spatial = torch.einsum("bcdhwxyz,cxyz->bdhw", patches, cbam.spatial.weight[0])
    torch.testing.assert_close(cbam(features), weighted / (1 + torch.exp(-spatial))[:, None], atol=1e-5, rtol=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_attention_only_ever_weakens_and_never_turns_a_sign(seed, scale):
    features = scale * torch.randn(1, 8, 2, 3, 4, generator=torch.Generator().manual_seed(seed))
    attended = CBAM3D(8)(features)
    assert (attended.abs() <= features.abs()).all()
    assert (attended * features >= 0).all()


def test_attention_that_has_closed_over_a_whole_map_is_relative_to_its_highest_and_gets_a_gradient():
    torch.manual_seed(0)
    cbam, features = CBAM3D(8), torch.rand(2, 8, 4, 5, 6)
    with torch.no_grad():
        cbam.spatial.weight.copy_(0.1 * torch.rand_like(cbam.spatial.weight) - 0.2)
    summary = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], 1)
    scores = cbam.spatial(summary)
    attention = cbam.spatial_attention(features)
    highest = scores.amax((2, 3, 4), keepdim=True)
    assert (highest < -5).all()
    torch.testing.assert_close(attention, (scores - highest + LEAST).sigmoid())
    (gradient,) = torch.autograd.grad(attention.sum(), cbam.spatial.weight)
    assert gradient.norm() > 0.1


def test_a_width_the_ratio_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="12"):
        CBAM3D(12)


@pytest.mark.parametrize("frozen", [True, False])
def test_the_student_takes_the_weights_of_the_teachers_attention(small_teacher, small_student, frozen):
    share_cbam(small_teacher, small_student, frozen=frozen)
    features = torch.randn(1, 16, 2, 3, 4)
    assert torch.equal(small_student.cbam(features), small_teacher.cbam(features))
    assert all(parameter.requires_grad != frozen for parameter in small_student.cbam.parameters())
    assert all(parameter.requires_grad for parameter in small_teacher.cbam.parameters())


def test_sharing_copies_so_that_the_student_cannot_change_its_teacher(small_teacher, small_student):
    share_cbam(small_teacher, small_student, frozen=False)
    with torch.no_grad():
        small_student.cbam.spatial.weight.add_(1)
    assert not torch.equal(small_student.cbam.spatial.weight, small_teacher.cbam.spatial.weight)


def test_there_is_nothing_to_share_without_cbam(small_teacher):
    plain = build_network(Architecture(network="student", width=16, cbam=False))
    with pytest.raises(ValueError, match="Student"):
        share_cbam(small_teacher, plain)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
def test_bfloat16_gradients_are_finite_on_a_map_flatter_than_the_spatial_kernel(memory_format):
    torch.manual_seed(0)
    attention = CBAM3D(16).to(memory_format=memory_format)
    features = torch.randn(4, 16, 6, 12, 12)
    expected = torch.autograd.grad(attention(features).square().sum(), attention.spatial.weight)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.autograd.grad(attention(features.bfloat16()).float().square().sum(), attention.spatial.weight)[0]
    assert (found - expected).norm() < 0.05 * expected.norm()
