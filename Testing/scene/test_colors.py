"""Colours of signed attention."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from REACTKDLib.inference.depiction import CLEAR_BELOW
from REACTKDLib.scene.colors import (
    AGAINST,
    FOR,
    SIZE,
    add_attention_colors,
    add_fading_attention_colors,
    attention_color,
)

# Machado, Oliveira and Fernandes 2009, severity 1.0.
PROTANOPIA = np.array(
    [(0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)]
)
DEUTERANOPIA = np.array(
    [(0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)]
)


def entry(table, share):
    rgba = [0.0] * 4
    table.GetColor(round((share + 1) / 2 * (SIZE - 1)), rgba)
    return rgba


@given(st.floats(-5, 5), st.floats(0.1, 3))
def test_for_is_warm_and_against_is_cold(value, limit):
    red, _, blue = attention_color(value, limit)
    if abs(value) / limit > 0.1:
        assert (red > blue) == (value > 0)


def test_no_attention_is_neutral():
    assert np.ptp(attention_color(0.0, 1.0)) < 0.05


def test_beyond_the_range_the_colour_is_that_of_its_end():
    assert attention_color(7.0, 2.0) == attention_color(2.0, 2.0)


@pytest.mark.parametrize("vision", [PROTANOPIA, DEUTERANOPIA], ids=["protanopia", "deuteranopia"])
def test_for_and_against_stay_apart_for_the_colour_blind(vision):
    ends = np.array([attention_color(value, 1.0) for value in (-1.0, 0.0, 1.0)]) @ vision.T
    apart = np.linalg.norm(ends[:, None] - ends[None], axis=-1)
    assert apart[np.triu_indices(3, 1)].min() > 0.4


def test_the_table_gives_a_region_and_its_sphere_one_colour(scene):
    table = add_attention_colors(scene)
    for share in (-1.0, -0.4, 0.3, 1.0):
        assert np.allclose(entry(table, share)[:3], attention_color(share, 1.0), atol=0.02)


def test_an_overlay_is_clear_near_zero_and_full_at_both_ends(scene):
    table = add_fading_attention_colors(scene)
    for share in (0.0, CLEAR_BELOW * 0.9, -CLEAR_BELOW * 0.9):
        assert entry(table, share)[3] == 0
    assert entry(table, -1.0) == pytest.approx([*AGAINST[0], 1.0], abs=0.01)
    assert entry(table, 1.0) == pytest.approx([*FOR[0], 1.0], abs=0.01)


def test_an_overlay_has_no_edge_that_could_be_taken_for_a_border(scene):
    """A slice shows a colour wholly or not at all, so that the first one that it shows must be that of the liver."""
    table = add_fading_attention_colors(scene)
    colors = np.array([entry(table, share) for share in np.linspace(-1, 1, SIZE)])
    shown = colors[:, 3] > 0
    first = np.flatnonzero(shown)[np.abs(np.flatnonzero(shown) - SIZE / 2).argmin()]
    assert np.ptp(colors[first, :3]) < 0.1
    assert np.abs(np.diff(colors[shown & (np.arange(SIZE) > SIZE / 2), :3], axis=0)).max() < 0.06
