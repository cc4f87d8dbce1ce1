"""Where the rays of a parallel-beam scan pass through a slice."""

from dataclasses import dataclass
from math import ceil, hypot

import numpy as np


@dataclass(frozen=True)
class ParallelBeam:
    """Views over half a turn of an image plane, in real pixel spacing.

    The plane is one array slice `k`, whatever the image's direction: x runs along its columns, y along its rows. Pixel
    (W // 2, H // 2) lies on the axis of rotation. A ray of view θ at distance s from it: x cos θ + y sin θ = s.

    size: pixels along (x, y). spacing: mm.
    """

    size: tuple[int, int]
    spacing: tuple[float, float]
    views: int

    @property
    def detector_spacing(self) -> float:
        """Width of a detector cell, mm. That of the longer side of a pixel: no view asks for more than pixels hold."""
        return max(self.spacing)

    @property
    def detectors(self) -> int:
        """Cells, that every pixel is seen by in every view. Odd, as one lies on the axis, and easy to transform."""
        reach = hypot(*(n // 2 * width for n, width in zip(self.size, self.spacing, strict=True)))
        return _odd_and_smooth(2 * ceil(reach / self.detector_spacing) + 1)

    @property
    def positions(self) -> np.ndarray:
        """s of each detector cell: (detectors,), mm."""
        return (np.arange(self.detectors) - self.detectors // 2) * self.detector_spacing

    @property
    def angles(self) -> np.ndarray:
        """θ of each view: (views,), radians."""
        return np.arange(self.views) * np.pi / self.views

    @property
    def frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the transforms of all views lie in that of the slice (the Fourier slice theorem).

        Along (y, x), each (views * detectors,), radians per pixel, within ±π; a view's are in the order of `fftfreq`.
        """
        radial = 2 * np.pi * np.fft.fftfreq(self.detectors, self.detector_spacing)
        width, height = self.spacing
        along_y = height * np.outer(np.sin(self.angles), radial)
        along_x = width * np.outer(np.cos(self.angles), radial)
        return along_y.ravel(), along_x.ravel()


def _odd_and_smooth(least: int) -> int:
    """The first odd number from `least` on without a prime factor above 7."""
    number = least | 1
    while not _is_smooth(number):
        number += 2
    return number


def _is_smooth(number: int) -> bool:
    for prime in (3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number == 1
