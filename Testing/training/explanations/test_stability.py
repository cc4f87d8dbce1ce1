import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion
from torch.nn import functional as F

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


def test_regions_without_an_order_are_an_error():
    with pytest.raises(ValueError, match="no order"):
        rank_agreement(torch.ones(3), torch.arange(3.0))


@pytest.fixture
def label_map() -> torch.Tensor:
    """Two cases, each with lesions 2 and 3 well inside a liver."""
    labels = torch.zeros(2, 12, 24, 24, dtype=torch.uint8)
    labels[:, 1:11, 2:22, 2:22] = 1
    labels[:, 4:8, 5:10, 5:10] = 2
    labels[:, 4:8, 5:10, 14:18] = 3
    return labels


def weights_of(label_map: torch.Tensor) -> torch.Tensor:
    masks = torch.stack([label_map == label for label in (1, 2, 3)], 1)
    return F.avg_pool3d(masks.float(), 2)


def test_every_lesion_becomes_a_voxel_larger_or_smaller_and_both_happen(label_map):
    regions = weights_of(label_map)
    seen = set()
    for seed in range(8):
        changed = jittered(regions, label_map, seed)
        for case in range(2):
            for row, label in ((1, 2), (2, 3)):
                mask = label_map[case].numpy() == label
                for name, change in (("larger", binary_dilation), ("smaller", binary_erosion)):
                    expected = F.avg_pool3d(torch.from_numpy(change(mask)).float()[None], 2)[0]
                    if np.allclose(changed[case, row], expected, atol=1e-6):
                        seen.add((case, label, name))
                        break
                else:
                    pytest.fail(f"lesion {label} of case {case} is neither a voxel larger nor smaller")
    assert len(seen) == 8


def test_a_jitter_is_a_function_of_its_seed(label_map):
    regions = weights_of(label_map)
    assert torch.equal(jittered(regions, label_map, 5), jittered(regions, label_map, 5))
    assert any(not torch.equal(jittered(regions, label_map, 5), jittered(regions, label_map, s)) for s in range(5))
