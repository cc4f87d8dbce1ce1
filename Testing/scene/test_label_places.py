"""A reader must know which sphere a name is of."""

from itertools import combinations

import numpy as np
import pytest

from REACTKDLib.scene.label_places import CHARACTER_MM, GAP_MM, HEIGHT_MM, label_places


def boxes(centres, radii, tubes=()):
    """Left, bottom, right and top of each name, (n, 4)."""
    names = [f"Lesion {index + 1}" for index in range(len(centres))]
    corners = centres + label_places(centres, radii, names, tubes)
    size = np.array([CHARACTER_MM * len(names[0]), HEIGHT_MM])
    return np.column_stack([corners, corners + size])


def distances(box, centres, radii):
    """From a name to each sphere, mm."""
    outside = np.maximum(np.maximum(box[:2] - centres, centres - box[2:]), 0)
    return np.linalg.norm(outside, axis=-1) - radii


def overlap(a, b):
    return (a[:2] < b[2:]).all() and (b[:2] < a[2:]).all()


def scattered(seed, count):
    """As lesions lie in a picture of a liver: no two centres nearer than a centimetre, no three in a heap."""
    generator = np.random.default_rng(seed)
    centres = [generator.uniform((-60, -50), (60, 50))]
    while len(centres) < count:
        place = generator.uniform((-60, -50), (60, 50))
        gaps = np.sort(np.linalg.norm(np.array(centres) - place, axis=1))
        if gaps[0] > 10 and (gaps[1:2] > 30).all():
            centres.append(place)
    return np.array(centres), generator.uniform(3, 6, count)


def test_a_name_with_room_stands_right_above_its_sphere():
    ((left, low, right, _),) = boxes(np.array([[10.0, 20.0]]), np.array([5.0]))
    assert (left + right) / 2 == pytest.approx(10)
    assert low == pytest.approx(20 + 5 + GAP_MM)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("count", [2, 4, 6])
def test_each_name_is_nearest_to_its_own_sphere_and_covers_no_other_name(seed, count):
    centres, radii = scattered(seed, count)
    placed = boxes(centres, radii, list(combinations(range(count), 2)))
    for own, box in enumerate(placed):
        assert distances(box, centres, radii).argmin() == own
        assert distances(box, centres, radii).min() > 0, "no name over a sphere"
    assert not any(overlap(a, b) for a, b in combinations(placed, 2))


def test_two_spheres_that_touch_have_their_names_on_either_side():
    centres = np.array([[0.0, 0.0], [7.0, 0.0]])
    placed = boxes(centres, np.array([5.0, 5.0]))
    for own, box in enumerate(placed):
        assert distances(box, centres, 5.0).argmin() == own


def test_a_name_keeps_off_a_tube_where_there_is_room_beside_it():
    """Above the lower sphere runs the tube to the upper one."""
    centres = np.array([[0.0, 0.0], [0.0, 80.0]])
    (left, low, right, high), _ = boxes(centres, np.array([5.0, 5.0]), [(0, 1)])
    assert not (left < 0 < right and low > 0 and high < 80)


def test_a_name_in_a_heap_of_spheres_is_placed_all_the_same():
    assert np.isfinite(boxes(np.zeros((33, 2)), np.full(33, 5.0), list(combinations(range(33), 2)))).all()
