"""The same transforms in torch, for CUDA: a fine grid, an FFT, and a kernel that spreads or gathers.

The kernel is the exponential of a semicircle (Barnett, Magland and af Klinteberg, SIAM J. Sci. Comput. 2019, eq. 1.8).
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

WIDTH = 6
"""Of the kernel, in points of the fine grid: five digits, as many as single precision keeps."""
SHARPNESS = 2.30 * WIDTH
"""β, for a grid that is twice as fine (section 3.2 there)."""
OVERSAMPLING = 2


class GriddedTransform:
    """A `SliceTransform` on any device of torch.

    CUDA adds in no fixed order: two runs are equal to rounding, not to the bit.
    """

    def __init__(self, shape: tuple[int, int], frequencies: tuple[np.ndarray, np.ndarray], device: torch.device):
        """shape: (H, W). frequencies: along (y, x), each (M,), radians per pixel."""
        self._shape = shape
        # A grid narrower than the kernel would meet it twice.
        self._fine = tuple(max(OVERSAMPLING * n, 2 * WIDTH) for n in shape)
        axes = [_neighbours(f, n, device) for f, n in zip(frequencies, self._fine, strict=True)]
        (self._rows, self._row_weights), (self._columns, self._column_weights) = axes
        spectra = [_kernel_spectrum(n, fine) for n, fine in zip(shape, self._fine, strict=True)]
        self._correction = torch.from_numpy(1 / np.outer(*spectra)).float().to(device)

    def to_frequencies(self, images: Tensor) -> Tensor:
        grid = torch.fft.fft2(self._padded(images * self._correction))
        grid = torch.view_as_real(grid.flatten(1).T.contiguous()).flatten(1)
        values = grid.new_zeros(len(self._rows), grid.shape[1])
        for index, weight in self._kernel():
            values += weight[:, None] * grid[index]
        return torch.view_as_complex(values.unflatten(1, (-1, 2))).T

    def to_images(self, values: Tensor) -> Tensor:
        values = torch.view_as_real(values.T.contiguous()).flatten(1)
        grid = values.new_zeros(self._fine[0] * self._fine[1], values.shape[1])
        for index, weight in self._kernel():
            grid.index_add_(0, index, weight[:, None] * values)
        grid = torch.view_as_complex(grid.unflatten(1, (-1, 2))).T.unflatten(1, self._fine)
        return self._cropped(torch.fft.ifft2(grid, norm="forward")) * self._correction

    def _kernel(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Each of the kernel's points in turn: its place on the flat grid and its weight, (M,) each."""
        for row in range(WIDTH):
            for column in range(WIDTH):
                index = self._rows[:, row] * self._fine[1] + self._columns[:, column]
                yield index, self._row_weights[:, row] * self._column_weights[:, column]

    def _padded(self, images: Tensor) -> Tensor:
        """On the fine grid, with the origin first."""
        padded = images.new_zeros(len(images), *self._fine)
        padded[:, : self._shape[0], : self._shape[1]] = images
        return padded.roll([-(n // 2) for n in self._shape], (1, 2))

    def _cropped(self, images: Tensor) -> Tensor:
        return images.roll([n // 2 for n in self._shape], (1, 2))[:, : self._shape[0], : self._shape[1]]


def _neighbours(frequencies: np.ndarray, fine: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Points of the periodic grid that the kernel around each frequency meets, and its values: (M, WIDTH) each."""
    place = frequencies * fine / (2 * np.pi)
    first = np.ceil(place - WIDTH / 2)
    points = first[:, None] + np.arange(WIDTH)
    distance = (points - place[:, None]) / (WIDTH / 2)
    index = torch.from_numpy((points % fine).astype(np.int64)).to(device)
    return index, torch.from_numpy(_kernel_at(distance)).float().to(device)


def _kernel_at(distance: np.ndarray) -> np.ndarray:
    """exp(β (√(1 − z²) − 1)), at z in units of half the width."""
    return np.exp(SHARPNESS * (np.sqrt(np.clip(1 - distance**2, 0, None)) - 1))


def _kernel_spectrum(pixels: int, fine: int) -> np.ndarray:
    """The kernel's Fourier transform at each pixel: (pixels,), by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(8 * WIDTH)
    x = np.arange(pixels) - pixels // 2
    waves = np.cos(np.outer(x, nodes * WIDTH * np.pi / fine))
    return WIDTH / 2 * waves @ (weights * _kernel_at(nodes))
