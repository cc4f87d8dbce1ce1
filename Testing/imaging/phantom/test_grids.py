"""Grids and the smooth functions on them, against what statistics and other libraries say."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from REACTKDLib.imaging.phantom.grids import axes_of, centred, lowest, point_spread, separable, smooth_field

DRAWS = 2000


def test_a_grid_has_its_centre_where_it_was_asked():
    grid = centred((5, 4, 3), (1.0, 2.0, 3.0), offset=(10.0, -20.0, 30.0))
    assert grid.corners().mean(0) == pytest.approx([10.0, -20.0, 30.0])
    assert [axis.mean() for axis in axes_of(grid)] == pytest.approx([30.0, -20.0, 10.0])


def test_a_smooth_field_varies_by_one_everywhere_and_over_the_asked_length():
    length, axis = 20.0, np.arange(0.0, 61.0, 10.0)
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_field(rng, [axis, axis[:2], axis[:2]], length) for _ in range(DRAWS)])
    along = fields[:, :, 0, 0]
    assert fields.mean(0) == pytest.approx(np.zeros((7, 2, 2)), abs=4 / np.sqrt(DRAWS))
    assert fields.var(0) == pytest.approx(np.ones((7, 2, 2)), abs=4 * np.sqrt(2 / DRAWS))
    distance = axis[:, None] - axis[None]
    assert np.corrcoef(along.T) == pytest.approx(np.exp(-0.5 * (distance / length) ** 2), abs=0.06)


def test_blurring_is_that_of_a_gaussian_of_the_given_width():
    spacing, fwhm = np.array((3.0, 2.0, 1.5)), 8.0
    image = np.random.default_rng(1).random((20, 24, 30)).astype(np.float32)
    axes = [step * np.arange(n) for step, n in zip(spacing, image.shape, strict=True)]
    blurred = separable(image, [point_spread(axis, axis, fwhm) for axis in axes])
    expected = gaussian_filter(image, fwhm / np.sqrt(8 * np.log(2)) / spacing, truncate=6.0)
    inside = tuple(slice(margin, -margin) for margin in np.ceil(12 / spacing).astype(int))
    assert blurred[inside] == pytest.approx(expected[inside], abs=1e-3)


def test_the_lowest_voxels_are_those_that_hang_together():
    values = np.full((1, 3, 6), 9.0)
    values[0, 0, :3] = 1.0, 2.0, 3.0
    values[0, 2, 5] = 2.5
    values[0, 1, 4] = np.inf
    mask, level = lowest(values, 4)
    assert level == 3.0
    assert np.argwhere(mask).tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
