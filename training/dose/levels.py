"""How low a dose: the levels of the paper's Table IV."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .noise import noise_of, scaled_noise_of
from .settings import ScannerSettings

LevelName = Literal["native", "mild", "severe", "mixed", "legacy_mild", "legacy_severe"]


@dataclass(frozen=True)
class DoseLevel:
    """A share of the original dose."""

    label: str
    share: float
    """κ, above 0; 1 is the original dose."""

    @property
    def adds_noise(self) -> bool:
        return self.share < 1

    def noise(self, line_integrals: np.ndarray, scanner: ScannerSettings, generator: np.random.Generator) -> np.ndarray:
        """What the low dose adds to a slice's line integrals (views, detectors), beside the noise they have already.

        Variances to add are those of the low dose minus those of the original one. The photons' 1/κ − 1 is that of a
        scan at the share κ / (1 − κ); in it the electronics' 1/κ² − 1 takes (1 + κ) / (1 − κ) of their variance.
        """
        added = self.share / (1 - self.share)
        electronic_variance = scanner.electronic_variance * (1 + self.share) / (1 - self.share)
        return noise_of(line_integrals, added * scanner.photons, electronic_variance, generator)


@dataclass(frozen=True)
class LegacyLevel:
    """The authors' own: photons on line integrals that are scaled slice by slice, noise of the input not counted."""

    label: str
    photons: float

    @property
    def adds_noise(self) -> bool:
        return True

    def noise(self, line_integrals: np.ndarray, scanner: ScannerSettings, generator: np.random.Generator) -> np.ndarray:
        """As `DoseLevel.noise`; `scanner` has no say."""
        return scaled_noise_of(line_integrals, self.photons, generator)


LEVELS: dict[str, DoseLevel | LegacyLevel] = {
    "native": DoseLevel("original dose", 1.0),
    "mild": DoseLevel("1/4 of the dose", 1 / 4),
    "severe": DoseLevel("1/20 of the dose", 1 / 20),
    "legacy_mild": LegacyLevel("the authors' mild level (not physical)", 5e4),
    "legacy_severe": LegacyLevel("the authors' severe level (not physical)", 5e2),
}
"""[D] the shares, [C] the authors' photons."""


def level_of(name: LevelName, seed: int) -> DoseLevel | LegacyLevel:
    """The level of one case. `mixed` is native or severe, each for half of the seeds, drawn from the seed."""
    if name == "mixed":
        name = "severe" if np.random.default_rng(seed).random() < 0.5 else "native"
    return LEVELS[name]
