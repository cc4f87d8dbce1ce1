import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage import measure

from REACTKDLib.imaging.masks import bounding_box, close, components, largest_component, row_ends

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=9))


@given(masks, st.integers(0, 3))
@settings(deadline=None)
def test_closing_equals_scipys_away_from_the_edge(mask, iterations):
    inside = np.pad(mask, 2 * iterations + 1)
    expected = ndimage.binary_closing(inside, iterations=iterations) if iterations else inside
    assert np.array_equal(close(inside, iterations), expected)


@given(masks, st.integers(1, 3))
@settings(deadline=None)
def test_closing_only_adds_and_a_second_time_changes_nothing(mask, iterations):
    inside = np.pad(mask, 2 * iterations + 1)
    closed = close(inside, iterations)
    assert closed[inside].all()
    assert np.array_equal(close(closed, iterations), closed)


def test_closing_keeps_a_mask_that_reaches_the_edge_of_the_field_of_view():
    mask = np.zeros((6, 6, 6), bool)
    mask[:3] = True
    assert np.array_equal(close(mask, 2), mask)


@given(masks)
@settings(deadline=None)
def test_components_equal_scikit_images_and_are_numbered_by_falling_size(mask):
    labels, counts = components(mask)
    reference, number = measure.label(mask, connectivity=3, return_num=True)
    assert counts.size == number
    assert list(counts) == sorted(np.bincount(reference.ravel())[1:], reverse=True)
    assert np.array_equal(labels > 0, mask)
    assert np.array_equal(np.bincount(labels.ravel(), minlength=number + 1)[1:], counts)
    # One of ours is one of theirs.
    pairs = {(a, b) for a, b in zip(labels[mask], reference[mask], strict=True)}
    assert len(pairs) == number


def test_lesions_that_touch_at_a_corner_are_one():
    mask = np.zeros((4, 4, 4), bool)
    mask[1, 1, 1] = mask[2, 2, 2] = True
    assert components(mask)[1].tolist() == [2]


def test_the_largest_component_drops_the_rest():
    mask = np.zeros((5, 5, 9), bool)
    mask[1:4, 1:4, 1:4] = True
    mask[2, 2, 7] = True
    assert np.count_nonzero(largest_component(mask)) == 27


@given(masks, st.integers(0, 3))
def test_the_bounding_box_holds_every_voxel_and_no_empty_rim(mask, margin):
    box = bounding_box(mask, margin)
    if box is None:
        assert not mask.any()
        return
    assert np.count_nonzero(mask[box]) == np.count_nonzero(mask)
    tight = mask[bounding_box(mask)]
    for axis in range(3):
        assert tight.take(0, axis).any()
        assert tight.take(-1, axis).any()


@given(masks, st.tuples(*[st.floats(-1, 1)] * 3))
@settings(deadline=None)
def test_the_ends_of_rows_reach_as_far_as_all_voxels_in_every_direction(mask, direction):
    ends, everything = row_ends(mask), np.argwhere(mask)[:, ::-1]
    assert len(ends) == 2 * mask.any(axis=2).sum()
    if everything.size:
        assert (ends @ direction).max() == pytest.approx((everything @ direction).max())
    assert mask[tuple(ends.T[::-1])].all()
