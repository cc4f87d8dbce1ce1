"""The scanner that is simulated."""

from dataclasses import dataclass
from typing import Literal

ProjectorName = Literal["fourier", "astra"]

AIR_HU = -1000.0
"""No attenuation. What lies below is padding, and attenuates no less than air."""


@dataclass(frozen=True, kw_only=True)
class ScannerSettings:
    """A parallel-beam CT scanner. Defaults of method.md, section 5."""

    photons: float = 1e6
    """I0: incident on each detector cell, in each view, at the original dose [D]."""
    electronic_variance: float = 10.0
    """σ_e², of a cell's reading, in counts² [D]."""
    water_attenuation: float = 0.02
    """μ_w, 1/mm [D]: at about 70 keV."""
    views: int = 720
    """Over half a turn [D]."""
    projector: ProjectorName = "fourier"
    """What computes line integrals and FBP: `fourier`, ours by the Fourier slice theorem, or `astra`, the ASTRA
    Toolbox, if installed, as a check by other means: slow, on the CPU, its noise 0.69 times as strong [D]."""
