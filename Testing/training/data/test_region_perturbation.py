import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion

from training.data.draws import RegionDraw
from training.data.region_perturbation import perturbed_regions

from .made_cases import region_weights

SHAPE = (8, 16, 16)


def liver(**lesions: tuple[slice, slice, slice]) -> np.ndarray:
    """A liver with lesions, `l2` and so on by label."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:7, 2:14, 2:14] = 1
    for name, place in lesions.items():
        labels[place] = int(name[1:])
    return labels


TWO = liver(l2=np.s_[2:5, 4:9, 4:8], l3=np.s_[3:6, 4:8, 10:13])
TOUCHING = liver(l2=np.s_[2:5, 4:9, 4:8], l3=np.s_[2:5, 4:9, 8:11], l4=np.s_[2:5, 4:9, 12:13])


def perturbed(labels: np.ndarray, draw: RegionDraw) -> np.ndarray:
    regions, label_map = torch.from_numpy(region_weights(labels))[None], torch.from_numpy(labels)[None]
    return perturbed_regions(regions, label_map, [draw])[0].numpy()


def test_nothing_drawn_changes_nothing():
    assert np.array_equal(perturbed(TWO, RegionDraw()), region_weights(TWO))


def test_a_dropped_lesion_has_an_empty_row_and_the_others_keep_theirs():
    changed, before = perturbed(TWO, RegionDraw(dropped=(2,))), region_weights(TWO)
    assert changed[1].sum() == 0
    assert np.array_equal(changed[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize(("draw", "operation"), [
    (RegionDraw(dilated=(2,)), binary_dilation),
    (RegionDraw(eroded=(2,)), binary_erosion),
])  # fmt: skip
def test_a_lesion_far_from_others_changes_as_scipy_says(draw, operation):
    expected = TWO.copy()
    expected[TWO == 2] = 1
    expected[operation(TWO == 2)] = 2
    changed, before = perturbed(TWO, draw), region_weights(TWO)
    assert np.allclose(changed[1], region_weights(expected)[1], atol=1e-6)
    assert np.array_equal(changed[[0, 2]], before[[0, 2]])
    assert not np.allclose(changed[1], before[1])


def test_a_lesion_dilates_into_liver_and_background_and_never_into_its_neighbour():
    changed = perturbed(TOUCHING, RegionDraw(dilated=(2,)))
    taken = binary_dilation(TOUCHING == 2) & (TOUCHING <= 1)
    expected = np.where(taken, 2, TOUCHING)
    assert np.allclose(changed[1], region_weights(expected)[1], atol=1e-6)
    assert np.array_equal(changed[2], region_weights(TOUCHING)[2])


def test_of_two_lesions_that_reach_for_the_same_voxel_the_larger_gets_it():
    changed = perturbed(TOUCHING, RegionDraw(dilated=(3, 4)))
    first = np.where(binary_dilation(TOUCHING == 3) & (TOUCHING <= 1), 3, TOUCHING)
    expected = np.where(binary_dilation(TOUCHING == 4) & (first <= 1), 4, first)
    assert (first != TOUCHING).sum() < (expected != TOUCHING).sum()
    assert np.allclose(changed[1:], region_weights(expected)[1:], atol=1e-6)


def test_a_lesion_that_erosion_would_remove_stays_as_it_was():
    thin = liver(l2=np.s_[3:5, 4:9, 4:8])
    assert not binary_erosion(thin == 2).any()
    assert np.array_equal(perturbed(thin, RegionDraw(eroded=(2,))), region_weights(thin))


def test_a_thin_lesion_stays_as_it_was_also_where_its_weights_were_blurred():
    thin = liver(l2=np.s_[3:5, 4:9, 4:8])
    before = region_weights(thin)
    blurred = torch.from_numpy((before + np.roll(before, 1, axis=3)) / 2)[None]
    label_map = torch.from_numpy(thin)[None]
    assert torch.equal(perturbed_regions(blurred, label_map, [RegionDraw(eroded=(2,))]), blurred)


def test_a_lesion_whose_weights_are_less_than_its_labels_keeps_them_when_erosion_would_use_them_up():
    small = liver(l2=np.s_[4:7, 4:7, 4:7])
    faint = torch.from_numpy(0.3 * region_weights(small))[None].float()
    label_map = torch.from_numpy(small)[None]
    assert torch.equal(perturbed_regions(faint, label_map, [RegionDraw(eroded=(2,))]), faint)


def test_a_lesion_grows_only_into_the_room_that_others_weights_leave():
    regions = torch.from_numpy(region_weights(TWO))[None]
    # After augmentation the weights of lesion 3 may reach further than its labels.
    regions[0, 2] = 0.9 - regions[0, 1].clamp_max(0.9)
    changed = perturbed_regions(regions, torch.from_numpy(TWO)[None], [RegionDraw(dilated=(2,))])
    assert float((regions[0, 1] + regions[0, 2]).max()) <= 1
    assert float(changed[0, 1:].sum(0).max()) == pytest.approx(1)
    assert torch.equal(changed[0, 2], regions[0, 2])


def test_a_lesion_at_the_edge_of_the_field_is_not_eroded_from_beyond_it():
    labels = liver(l2=np.s_[0:4, 4:9, 4:9])
    expected = np.where((labels == 2) & ~binary_erosion(labels == 2, border_value=1), 1, labels)
    assert np.allclose(perturbed(labels, RegionDraw(eroded=(2,)))[1], region_weights(expected)[1], atol=1e-6)


def test_cases_of_a_batch_are_perturbed_each_by_its_own_draw():
    regions = torch.from_numpy(np.stack([region_weights(TWO)] * 3))
    label_map = torch.from_numpy(np.stack([TWO] * 3))
    draws = [RegionDraw(dropped=(3,)), RegionDraw(), RegionDraw(dilated=(2,), eroded=(3,))]
    together = perturbed_regions(regions, label_map, draws).numpy()
    for row, draw in enumerate(draws):
        assert np.array_equal(together[row], perturbed(TWO, draw))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_no_lesion_is_lost_and_lesions_of_a_voxel_sum_to_at_most_one(data):
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    labels = np.ones(SHAPE, np.uint8)
    for label in range(2, 6):
        start = random.integers(0, np.array(SHAPE) - 1)
        size = random.integers(1, 7, 3)
        labels[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] = label
    change = {label: data.draw(st.sampled_from(["dilated", "eroded", ""])) for label in range(2, 6)}
    draw = RegionDraw(
        dilated=tuple(label for label in change if change[label] == "dilated"),
        eroded=tuple(label for label in change if change[label] == "eroded"),
    )
    before = region_weights(labels, count=5)
    # Blurred as after augmentation, when weights and label map no longer agree to the voxel.
    blurred = data.draw(st.sampled_from([1.0, 0.3])) * (before + np.roll(before, 1, axis=3)) / 2
    blurred = blurred.astype(np.float32)
    changed = perturbed_regions(torch.from_numpy(blurred)[None], torch.from_numpy(labels)[None], [draw])[0].numpy()
    assert np.array_equal(changed.sum((1, 2, 3)) > 1e-6, before.sum((1, 2, 3)) > 1e-6)
    assert changed.min() >= 0
    assert changed[1:].sum(0).max() <= 1 + 1e-5
    assert np.array_equal(changed[0], blurred[0])
