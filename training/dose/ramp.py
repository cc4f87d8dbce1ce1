"""The ramp filter of FBP."""

import torch
from torch import Tensor


def ramp_filtered(views: Tensor, detector_spacing: float) -> Tensor:
    """Each view convolved with the ramp's kernel, without wrapping around.

    views: (..., detectors). detector_spacing: mm. Returns its like, 1/mm.
    """
    detectors = views.shape[-1]
    length = 2 * detectors
    offsets = torch.fft.fftfreq(length, 1 / length, device=views.device)
    response = torch.fft.fft(ramp_kernel(offsets, detector_spacing)).real * detector_spacing
    return torch.fft.ifft(torch.fft.fft(views, length) * response)[..., :detectors]


def ramp_kernel(offsets: Tensor, detector_spacing: float) -> Tensor:
    """h, the ramp |ρ| cut off at the detector's Nyquist frequency, in space: 1/mm².

    h(0) = 1 / 4d², h(j) = − 1 / (π j d)² for odd j and 0 for even ones. Sampling the ramp in frequency instead would
    take the mean away from every view. offsets: j, whole numbers, in cells. detector_spacing: d, mm.
    """
    odd = offsets.remainder(2) == 1
    tails = torch.where(odd, -1 / (torch.pi * offsets * detector_spacing) ** 2, 0.0)
    return torch.where(offsets == 0, 1 / (4 * detector_spacing**2), tails)
