import pytest
import torch
from torch.nn import functional

from REACTKDLib.networks.architecture import Architecture
from REACTKDLib.networks.precision import bf16_safe


def worst_weight_gradient_error(depth: int) -> float:
    """Relative error of a 3x3x3 convolution's bfloat16 weight gradient against float32; infinite where not finite."""
    worst = 0.0
    for channels in (16, 64):
        for cases in (2, 8):
            images = torch.randn(cases, channels, depth, 6, 6)
            weight = torch.randn(channels, channels, 3, 3, 3, requires_grad=True)
            seed = torch.randn_like(images)
            (expected,) = torch.autograd.grad(functional.conv3d(images, weight, padding=1), weight, seed)
            half = weight.detach().bfloat16().requires_grad_()
            output = functional.conv3d(images.bfloat16(), half, padding=1)
            (gradient,) = torch.autograd.grad(output, half, seed.bfloat16())
            error = ((gradient.float() - expected).norm() / expected.norm()).item()
            worst = max(worst, error if error < float("inf") else float("inf"))
    return worst


def test_bfloat16_weight_gradients_are_right_at_every_depth_the_guard_lets_through():
    for depth in (1, 3, 4, 5, 6, 8):
        assert worst_weight_gradient_error(depth) < 0.02, depth


def test_depth_two_is_wrong_beyond_rounding_which_is_why_there_is_a_guard():
    error = worst_weight_gradient_error(depth=2)
    if error < 0.02:
        pytest.skip("this torch build and processor get depth 2 right; the guard then costs only speed")
    assert error > 0.5


def test_the_guard_stops_depth_two():
    assert not bf16_safe(Architecture(network="student", grid=(16, 48, 48)))


def test_the_grids_of_both_profiles_are_safe():
    for grid, stride in (((32, 96, 96), 4), ((64, 224, 224), 8), ((32, 64, 64), 4)):
        assert bf16_safe(Architecture(network="student", grid=grid, stride=stride))


def test_only_stages_that_exist_are_looked_at():
    assert bf16_safe(Architecture(network="student", grid=(16, 48, 48), blocks_down=(1, 2, 2)))
    assert bf16_safe(Architecture(network="teacher", grid=(16, 48, 48)))
