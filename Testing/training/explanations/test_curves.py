import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc

from training.explanations.curves import area_under, deletion_curve, insertion_curve

from .linear_network import CLASS, GRID, LooksAtOneBlock, bright_block, in_block, of_class

TRUE = in_block().float().expand(2, -1, -1, -1)


def random_order(seed: int) -> torch.Tensor:
    return torch.rand(2, *GRID, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**16))
def test_deletion_falls_and_insertion_rises_fastest_in_the_true_order(seed):
    network, batch, classes = LooksAtOneBlock(), bright_block(), of_class()
    for order in (random_order(seed), -TRUE):
        assert (
            area_under(deletion_curve(network, batch, TRUE, classes))
            < area_under(deletion_curve(network, batch, order, classes))
        ).all()
        assert (
            area_under(insertion_curve(network, batch, TRUE, classes))
            > area_under(insertion_curve(network, batch, order, classes))
        ).all()


def test_the_true_order_decides_all_in_the_first_step_and_the_reverse_in_the_last():
    # 8 of 144 voxels count: fewer than a tenth.
    network, batch, classes = LooksAtOneBlock(), bright_block(), of_class()
    first = deletion_curve(network, batch, TRUE, classes)
    torch.testing.assert_close(first[:, 1:], first[:, -1:].expand(-1, 10))
    last = deletion_curve(network, batch, -TRUE, classes)
    torch.testing.assert_close(last[:, :-1], last[:, :1].expand(-1, 10))
    assert (first[:, 0] > first[:, 1] + 0.1).all()


def test_the_curves_run_between_the_case_as_it_is_and_its_mean():
    network, batch, classes = LooksAtOneBlock(), bright_block(), of_class()
    deletion = deletion_curve(network, batch, random_order(0), classes, steps=4)
    insertion = insertion_curve(network, batch, random_order(0), classes, steps=4)
    assert deletion.shape == (2, 5)
    means = batch.images["ct"][:, 0].mean((1, 2, 3)).detach()
    logits = torch.tensor([0.3, -1.0, 0.1]).repeat(2, 1)
    logits[:, CLASS] += means
    torch.testing.assert_close(deletion[:, -1], logits.softmax(1)[:, CLASS])
    torch.testing.assert_close(deletion[:, 0], network(batch).logits.softmax(1)[:, CLASS].detach())
    torch.testing.assert_close(insertion[:, [0, -1]], deletion[:, [-1, 0]])


def test_only_the_order_of_attention_counts():
    network, batch, classes = LooksAtOneBlock(), bright_block(), of_class()
    order = random_order(3)
    assert torch.equal(
        deletion_curve(network, batch, order, classes), deletion_curve(network, batch, order.exp() * 7 - 3, classes)
    )


def test_equal_attention_is_taken_from_everywhere_not_from_a_corner():
    # Taken in the order of the array, none of the block, which lies in the last half, would go in the first half.
    curve = deletion_curve(LooksAtOneBlock(), bright_block(), torch.zeros(2, *GRID), of_class(), steps=2)
    assert (curve[:, 0] - curve[:, 1] > 0.05).all()
    assert (curve[:, 1] - curve[:, 2] > 0.05).all()


def test_a_map_on_the_images_own_grid_is_taken_as_it_is():
    network, batch, classes = LooksAtOneBlock(), bright_block(), of_class()
    fine = TRUE.repeat_interleave(2, 1).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(
        deletion_curve(network, batch, fine, classes), deletion_curve(network, batch, TRUE, classes)
    )


@pytest.mark.parametrize("steps", [1, 7, 10])
def test_the_area_is_that_of_scikit_learn(steps):
    curves = np.random.default_rng(0).random((3, steps + 1))
    expected = [auc(np.linspace(0, 1, steps + 1), curve) for curve in curves]
    np.testing.assert_allclose(area_under(torch.from_numpy(curves)).numpy(), expected, atol=1e-12)
