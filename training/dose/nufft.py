"""Fourier transforms between the pixels of slices and the frequencies of a scan, on the CPU."""

from typing import Protocol

import finufft
import numpy as np
import torch
from torch import Tensor

PRECISION = 1e-4
"""finufft's `eps`, relative. An error of a line integral is one of its expected counts: far below their noise."""


class SliceTransform(Protocol):
    """Between images f (B, H, W) and values c (B, M) at frequencies (ω_y, ω_x), complex64.

    Pixel (H // 2, W // 2) is the origin. The two directions are adjoint.
    """

    def to_frequencies(self, images: Tensor) -> Tensor:
        """c_m = Σ_yx f_yx exp(−i (y ω_y,m + x ω_x,m)): the NUFFT of type 2."""

    def to_images(self, values: Tensor) -> Tensor:
        """f_yx = Σ_m c_m exp(i (y ω_y,m + x ω_x,m)): the NUFFT of type 1."""


class FinufftTransform:
    """By finufft, with as many threads as torch."""

    def __init__(self, shape: tuple[int, int], frequencies: tuple[np.ndarray, np.ndarray]):
        """shape: (H, W). frequencies: along (y, x), each (M,), radians per pixel."""
        self._shape = shape
        self._frequencies = tuple(f.astype(np.float32) for f in frequencies)
        self._plans: dict[tuple[int, int], finufft.Plan] = {}

    def to_frequencies(self, images: Tensor) -> Tensor:
        values = self._plan(2, len(images)).execute(images.contiguous().numpy())
        return torch.from_numpy(values.reshape(len(images), -1))

    def to_images(self, values: Tensor) -> Tensor:
        pixels = self._plan(1, len(values)).execute(values.contiguous().numpy())
        return torch.from_numpy(pixels.reshape(-1, *self._shape))

    def _plan(self, kind: int, batch: int) -> finufft.Plan:
        """kind: 1 or 2. Kept: sorting the frequencies takes as long as transforming a slice."""
        if (kind, batch) not in self._plans:
            sign = -1 if kind == 2 else 1
            threads = torch.get_num_threads()
            plan = finufft.Plan(kind, self._shape, batch, PRECISION, sign, dtype="complex64", nthreads=threads)
            plan.setpts(*self._frequencies)
            self._plans[kind, batch] = plan
        return self._plans[kind, batch]
