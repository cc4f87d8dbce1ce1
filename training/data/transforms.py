"""How a case is moved and deformed, as plain numbers.

Positions are (z, y, x) in the network's field, from -1 to 1 between its faces.
"""

from dataclasses import dataclass

import numpy as np

from .draw_settings import AugmentationSettings

IDENTITY = np.eye(3, 4, dtype=np.float32)
SPLINE_SUPPORT = 3
"""Control points of a cubic B-spline beyond the number of intervals it spans."""
SPLINE_DEVIATION = (151 / 315) ** 1.5
"""Of a cubic B-spline in 3D whose control points are standard normal: root of the mean, over the field, of the sum of
squared weights; that mean is 151/315 along each axis."""


@dataclass(frozen=True, eq=False)
class CaseTransform:
    """Where the value at each position of the augmented volume comes from: matrix · (position, 1) + displacement.

    matrix: float32 (3, 4). elastic: float32 (3, n, n, n), control points of the displacement's cubic B-spline, evenly
    over the field and one interval around it.
    """

    matrix: np.ndarray
    elastic: np.ndarray

    @property
    def is_identity(self) -> bool:
        return np.array_equal(self.matrix, IDENTITY) and not self.elastic.any()


def no_transform() -> CaseTransform:
    return CaseTransform(IDENTITY, np.zeros((3, *[SPLINE_SUPPORT + 1] * 3), np.float32))


def draw_transform(settings: AugmentationSettings, random: np.random.Generator) -> CaseTransform:
    """One transform. Settings scale each part and change no other."""
    angles = np.deg2rad(settings.rotation_degrees) * random.uniform(-1, 1, 3)
    factor = (1 + settings.scale) ** random.uniform(-1, 1)
    translation = 2 * settings.translation * random.uniform(-1, 1, 3)
    mirror = np.where(random.random(3) < settings.mirror, -1.0, 1.0)
    points = round(1 / settings.elastic_length) + SPLINE_SUPPORT
    elastic = 2 * settings.elastic_amplitude / SPLINE_DEVIATION * random.standard_normal((3, points, points, points))
    if random.random() >= settings.moved:
        angles, factor, translation, elastic = 0 * angles, 1.0, 0 * translation, 0 * elastic
    linear = factor * _rotation(angles) * mirror
    return CaseTransform(np.column_stack([linear, translation]).astype(np.float32), elastic.astype(np.float32))


def _rotation(angles: np.ndarray) -> np.ndarray:
    """(3, 3): about each axis in turn, by angles in radians."""
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix
