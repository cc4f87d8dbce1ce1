"""Where names stand in a picture of a graph: each beside its own sphere, none over a sphere or another name."""

from collections.abc import Sequence

import numpy as np

CHARACTER_MM, HEIGHT_MM = 3.0, 7.0
"""Of a letter, with the room around it, in a picture of a whole liver."""
GAP_MM = 3.0
"""Between a sphere and its name."""
RINGS = 4
"""How often the places around a sphere are offered, each time the height of a name further out."""
CLEARANCE_MM = 6.0
"""By how much a name shall be nearer to its own sphere than to any other, or it may be read as that one's."""
DOUBT = 3.0
"""What a millimetre of lacking clearance weighs: as much as so many millimetres between a name and its sphere."""
TUBE_WEIGHT = 0.25
"""Likewise, of a millimetre of a tube under a name."""
ROUNDS = 4
"""How often every name looks for a better place among the others; they settle within three."""


def label_places(
    centres: np.ndarray, radii: np.ndarray, names: Sequence[str], tubes: Sequence[tuple[int, int]] = ()
) -> np.ndarray:
    """Lower left corners of the names, from their spheres' centres: (n, 2), mm to the right and up.

    Above its sphere where there is room. Else at the place that covers least of the spheres and other names; among
    those, where it is clearly its own sphere's, near to it, and off the tubes.

    centres: (n, 2) mm in the picture. radii: (n,) mm. tubes: pairs of spheres.
    """
    sizes = [np.array([len(name) * CHARACTER_MM, HEIGHT_MM]) for name in names]
    offers = [_places_around(radius, size) for radius, size in zip(radii, sizes, strict=True)]
    boxes = [_boxes(centre + offer, size) for centre, offer, size in zip(centres, offers, sizes, strict=True)]
    spheres = _boxes(centres - radii[:, None], 2 * radii[:, None])
    ends = centres[np.reshape(tubes, (-1, 2)).astype(int)]
    # Rounded, so that of places that are as good the first is taken.
    astray = [
        (_distance(box, own, centres, radii) + TUBE_WEIGHT * _length_within(box, ends[:, 0], ends[:, 1])).round(3)
        for own, box in enumerate(boxes)
    ]
    chosen = np.zeros(len(names), int)
    for _ in range(ROUNDS):
        for own, offered in enumerate(boxes):
            others = [boxes[i][chosen[i]] for i in range(len(names)) if i != own]
            covered = _shared_area(offered, np.array([*spheres, *others]))
            chosen[own] = np.lexsort([astray[own], covered])[0]
    return np.array([offer[i] for offer, i in zip(offers, chosen, strict=True)])


def _places_around(radius: float, size: np.ndarray) -> np.ndarray:
    """(k, 2), above first, beside last, from the sphere outwards.

    In a smaller window names take more of the picture, to the right: beside their sphere they would reach into it.
    """
    width, height = size
    places = []
    for ring in range(RINGS):
        far = radius + GAP_MM + ring * height
        places += [(x, y) for x in (-width / 2, 0.0, -width) for y in (far, -far - height)]
        places += [(far, -height / 2), (-far - width, -height / 2)]
    return np.array(places)


def _boxes(corners: np.ndarray, size: np.ndarray | float) -> np.ndarray:
    """Left, bottom, right and top of each, (k, 4)."""
    return np.column_stack([corners, corners + size])


def _length_within(boxes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Of all the lines within each of the boxes, mm. (k, 4), (m, 2) and (m, 2) to (k,)."""
    along = ends - starts
    along[along == 0] = 1e-9  # a line along an axis enters and leaves at infinity across it
    low, high = ((boxes[:, None, side] - starts) / along for side in (slice(0, 2), slice(2, 4)))
    entry = np.minimum(low, high).max(axis=-1).clip(0.0, 1.0)
    exit_ = np.maximum(low, high).min(axis=-1).clip(0.0, 1.0)
    return np.maximum(exit_ - entry, 0.0) @ np.linalg.norm(along, axis=-1)


def _shared_area(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each of the boxes with all the others, mm². (k, 4) and (m, 4) to (k,)."""
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    return np.maximum(high - low, 0.0).prod(axis=-1).sum(axis=-1)


def _distance(boxes: np.ndarray, own: int, centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """From their own sphere, and `DOUBT` times what they lack of `CLEARANCE_MM`, mm. (k, 4) to (k,)."""
    outside = np.maximum(np.maximum(boxes[:, None, :2] - centres, centres - boxes[:, None, 2:]), 0.0)
    distances = np.linalg.norm(outside, axis=-1) - radii
    nearest_other = np.delete(distances, own, axis=1).min(axis=1, initial=np.inf)
    return distances[:, own] + DOUBT * np.maximum(distances[:, own] + CLEARANCE_MM - nearest_other, 0.0)
