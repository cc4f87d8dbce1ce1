import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion

from REACTKDLib.imaging.spec import PreprocessingSpec
from Testing.training.data.made_cases import cached_case, region_weights
from training.data.batch import prepare
from training.data.draws import CaseFacts, Evaluation, no_draw
from training.data.raw_batch import RawBatch, RawCase, collate
from training.explanations.stability import jittered, rank_agreement


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=9, unique=True), st.floats(0.1, 10), st.floats(-5, 5))
def test_the_same_order_agrees_whatever_the_scale(values, scale, shift):
    nodes = torch.tensor(values, dtype=torch.float64)
    assert rank_agreement(nodes, nodes) == pytest.approx(1)
    assert rank_agreement(nodes, scale * nodes + shift) == pytest.approx(1)
    assert rank_agreement(nodes, -scale * nodes) == pytest.approx(-1)


@given(st.permutations(range(6)))
def test_without_ties_the_agreement_is_spearmans_formula(order):
    nodes = torch.tensor(order, dtype=torch.float32)
    expected = 1 - 6 * sum((i - rank) ** 2 for i, rank in enumerate(order)) / (6 * (6**2 - 1))
    assert rank_agreement(torch.arange(6.0).exp(), nodes) == pytest.approx(expected)


@pytest.mark.parametrize(("left", "right"), [([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0, 3.0])])
def test_one_region_or_unlike_regions_are_an_error(left, right):
    with pytest.raises(ValueError, match="two regions or more"):
        rank_agreement(torch.tensor(left), torch.tensor(right))


def test_regions_without_an_order_have_no_agreement():
    assert np.isnan(rank_agreement(torch.ones(3), torch.arange(3.0)))


@pytest.fixture
def raw() -> RawBatch:
    """Two cases, each with lesions 2 and 3 well inside a liver."""
    labels = np.zeros((12, 24, 24), np.uint8)
    labels[1:11, 2:22, 2:22] = 1
    labels[4:8, 5:10, 5:10] = 2
    labels[4:8, 5:10, 14:18] = 3
    case = replace(cached_case(labels), region_weights=region_weights(labels, 2).astype(np.float16))
    draw = no_draw("", CaseFacts.of(case), Evaluation())
    return collate([RawCase(name, case, 0, draw) for name in ("one", "two")])


def test_every_lesion_becomes_a_voxel_larger_or_smaller_and_both_happen(raw):
    seen = set()
    for seed in range(8):
        changed = jittered(raw, seed).label_map.numpy()
        for case, label in itertools.product(range(2), (2, 3)):
            mask = raw.label_map[case].numpy() == label
            for name, change in (("larger", binary_dilation), ("smaller", binary_erosion)):
                if np.array_equal(changed[case] == label, change(mask)):
                    seen.add((case, label, name))
                    break
            else:
                pytest.fail(f"lesion {label} of case {case} is neither a voxel larger nor smaller")
        # All within the liver, which stays as it was.
        assert np.array_equal(changed > 0, raw.label_map.numpy() > 0)
    assert len(seen) == 8


def test_the_weights_are_those_of_the_new_label_map(raw):
    changed = jittered(raw, 0)
    expected = [region_weights(labels.numpy(), 2) for labels in changed.label_map]
    np.testing.assert_allclose(changed.regions.float(), np.stack(expected), atol=1e-3)


def test_what_a_finer_grid_knew_of_a_region_is_kept(raw):
    finer = replace(raw, regions=raw.regions * 0.9)
    change = jittered(raw, 0).regions.float() - raw.regions.float()
    # Nowhere below zero, where the share that is lost was larger than the weight.
    expected = (finer.regions.float() + change).clamp_min(0)
    np.testing.assert_allclose(jittered(finer, 0).regions.float(), expected, atol=2e-3)


def test_the_network_reads_the_new_masks(raw):
    before, after = (prepare(of, "cpu", PreprocessingSpec(zero="mean")) for of in (raw, jittered(raw, 0)))
    lesions = jittered(raw, 0).label_map > 1
    full, masked, lesion = after.images["ct"].unbind(1)
    assert torch.equal(lesion != 0, lesions & (raw.images["ct"] != 0))
    assert not torch.equal(lesions, raw.label_map > 1)
    assert torch.equal(full, before.images["ct"][:, 0])
    assert torch.equal(masked != 0, (raw.label_map > 0) & (full != 0))


def test_a_region_is_never_lost(raw):
    small = raw.label_map.clone()
    small[small == 2] = 1
    small[:, 4, 5, 5] = 2
    weights = torch.stack([torch.from_numpy(region_weights(labels.numpy(), 2)) for labels in small])
    for seed in range(8):
        changed = jittered(replace(raw, label_map=small, regions=weights.half()), seed)
        assert changed.regions.flatten(2).any(2).all()
        assert all({1, 2, 3} <= set(labels.unique().tolist()) for labels in changed.label_map)


def test_a_jitter_is_a_function_of_its_seed_and_of_the_case_whatever_stands_beside_it(raw):
    maps = [jittered(raw, seed).label_map for seed in range(8)]
    assert torch.equal(maps[5], jittered(raw, 5).label_map)
    assert any(not torch.equal(maps[5], other) for other in maps)
    assert any(not torch.equal(one, two) for one, two in maps)
    swapped = replace(raw, names=raw.names[::-1])
    assert torch.equal(jittered(swapped, 5).label_map, maps[5].flip(0))
