import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.explanations.pointing import pointing_game, share_inside

GRID = (3, 4, 5)


def field(*places: tuple[tuple[int, int, int], float]) -> torch.Tensor:
    """Of one case, zero but at these voxels."""
    values = torch.zeros(1, *GRID)
    for place, value in places:
        values[(0, *place)] = value
    return values


LESION = field(((1, 1, 1), 0.9), ((1, 1, 2), 0.6), ((1, 1, 3), 0.3))[:, None]


@pytest.mark.parametrize(("place", "hit"), [((1, 1, 1), True), ((1, 1, 2), True), ((1, 1, 3), False)])
def test_a_hit_is_where_more_than_half_of_the_voxel_is_lesion(place, hit):
    assert pointing_game(field((place, 1.0), ((0, 0, 0), 0.5)), LESION).tolist() == [hit]


@pytest.mark.parametrize(("place", "hit"), [((1, 1, 1), False), ((1, 1, 2), True)])
def test_a_lesion_smaller_than_half_a_voxel_is_hit_where_most_of_it_is(place, hit):
    lesion = field(((1, 1, 1), 0.2), ((1, 1, 2), 0.4))
    assert pointing_game(field((place, 1.0)), lesion[:, None]).tolist() == [hit]


def test_a_small_lesion_beside_a_large_one_is_hit_where_most_of_it_is():
    small, nothing = field(((2, 3, 4), 0.2)), field()
    lesions = torch.stack([LESION[:, 0], small, nothing], 1)
    assert pointing_game(field(((2, 3, 4), 1.0)), lesions).tolist() == [True]


def test_a_voxel_that_two_lesions_share_out_is_the_lesions():
    one, other = field(((1, 1, 1), 0.4), ((0, 0, 0), 0.5)), field(((1, 1, 1), 0.4), ((2, 2, 2), 0.5))
    assert pointing_game(field(((1, 1, 1), 1.0)), torch.stack([one, other], 1)).tolist() == [True]


def test_of_several_highest_voxels_the_part_in_a_lesion_counts():
    """As of an occluding block, which no lesion that is smaller could fill."""
    block = torch.zeros(1, *GRID)
    block[0, :2, :2, 1:3] = 1
    assert pointing_game(block, LESION).tolist() == pytest.approx([2 / 8])
    assert pointing_game(torch.zeros(1, *GRID), LESION).tolist() == pytest.approx([2 / 60])


def test_cases_are_judged_each_by_its_own_lesion():
    maps = field(((1, 1, 1), 1.0)).repeat(2, 1, 1, 1)
    assert pointing_game(maps, torch.cat([LESION, LESION.flip(2, 3, 4)])).tolist() == [True, False]


@given(st.integers(0, 2**16), st.floats(0.1, 10))
def test_the_scale_of_attention_does_not_count(seed, scale):
    generator = torch.Generator().manual_seed(seed)
    maps, lesions = torch.randn(3, *GRID, generator=generator), torch.rand(3, 2, *GRID, generator=generator) / 2
    assert torch.equal(pointing_game(maps, lesions), pointing_game(scale * maps, lesions))
    torch.testing.assert_close(share_inside(maps, lesions), share_inside(scale * maps, lesions))


def test_the_share_inside_counts_positive_attention_by_the_lesions_part_of_the_voxel():
    maps = field(((1, 1, 1), 2.0), ((1, 1, 3), 1.0), ((0, 0, 0), 1.0), ((2, 2, 2), -5.0))
    assert share_inside(maps, LESION).item() == pytest.approx((2 * 0.9 + 1 * 0.3) / 4)


def test_without_positive_attention_there_is_no_share():
    assert share_inside(-torch.ones(1, *GRID), LESION).isnan().all()


@pytest.mark.parametrize("measure", [pointing_game, share_inside])
def test_a_case_without_a_lesion_is_an_error(measure):
    with pytest.raises(ValueError, match=r"cases \[1\] of the batch have no lesion"):
        measure(torch.rand(2, *GRID), torch.cat([LESION, 0 * LESION]))


@pytest.mark.parametrize("measure", [pointing_game, share_inside])
def test_attention_on_another_grid_is_an_error(measure):
    with pytest.raises(ValueError, match="different grids"):
        measure(torch.rand(1, 2, 2, 2), LESION)
