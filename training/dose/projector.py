"""Forward projection and filtered back-projection of many slices at once."""

from math import pi

import torch
from torch import Tensor

from .geometry import ParallelBeam
from .gridding import GriddedTransform
from .nufft import FinufftTransform, SliceTransform
from .ramp import ramp_filtered


class Projector:
    """Line integrals of slices, and slices from line integrals, by the Fourier slice theorem.

    The transform of a view is that of the slice along a line through the origin, which a non-uniform FFT evaluates.
    Everything is linear with real coefficients, so two slices travel as the real and imaginary part of one.
    """

    def __init__(self, beam: ParallelBeam, device: torch.device, transform: SliceTransform | None = None):
        """transform: finufft on the CPU, torch on CUDA by default."""
        self.beam = beam
        self.device = device
        self._transform = transform or _default_transform(beam, device)

    def project(self, slices: Tensor) -> Tensor:
        """slices: (S, H, W), 1/mm. Returns their line integrals, (S, views, detectors), without a unit."""
        width, height = self.beam.spacing
        views = self._transform.to_frequencies(_paired(slices)).unflatten(1, (self.beam.views, -1))
        scale = width * height / self.beam.detector_spacing
        return _separate(torch.fft.fftshift(torch.fft.ifft(views), dim=-1) * scale, len(slices))

    def filtered_back_project(self, sinograms: Tensor) -> Tensor:
        """sinograms: (S, views, detectors). Returns slices, (S, H, W), 1/mm, by FBP with the ramp filter.

        Between detector cells a view is interpolated by its own Fourier series.
        """
        filtered = ramp_filtered(_paired(sinograms), self.beam.detector_spacing)
        views = torch.fft.fft(torch.fft.ifftshift(filtered, dim=-1), norm="forward")
        slices = self._transform.to_images(views.flatten(1)) * (pi / self.beam.views)
        return _separate(slices, len(sinograms))


def _default_transform(beam: ParallelBeam, device: torch.device) -> SliceTransform:
    shape = beam.size[::-1]
    if device.type == "cpu":
        return FinufftTransform(shape, beam.frequencies)
    return GriddedTransform(shape, beam.frequencies, device)


def _paired(real: Tensor) -> Tensor:
    """(S, ...) to ((S + 1) // 2, ...), complex: neighbours as the real and imaginary part of one."""
    if len(real) % 2:
        real = torch.cat([real, torch.zeros_like(real[:1])])
    return torch.complex(real[0::2].float(), real[1::2].float())


def _separate(pairs: Tensor, count: int) -> Tensor:
    """The first `count` of what `_paired` put together."""
    return torch.stack([pairs.real, pairs.imag], dim=1).flatten(0, 1)[:count]
