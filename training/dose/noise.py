"""What photons and electronics do to line integrals."""

import numpy as np

GAUSSIAN_ABOVE = 20.0
"""Expected counts from which a Poisson number is drawn as a normal one, in a third of the time."""
LEAST_COUNTS = 1.0
"""A cell's reading is floored here: its logarithm is taken."""


def noise_of(
    line_integrals: np.ndarray, photons: float, electronic_variance: float, generator: np.random.Generator
) -> np.ndarray:
    """p_low − p, with I ~ Poisson(λ) + Normal(0, σ_e²), λ = photons · exp(−p) and p_low = ln(photons / max(I, 1)).

    line_integrals: p, float32, any shape. photons: κ I0, of a cell in a view. electronic_variance: σ_e², counts².
    """
    expected = photons * np.exp(-line_integrals)
    counts = generator.standard_normal(expected.shape, dtype=np.float32)
    counts *= np.sqrt(expected + electronic_variance)
    counts += expected
    few = expected < GAUSSIAN_ABOVE
    if few.any():
        electronic = generator.normal(0, electronic_variance**0.5, np.count_nonzero(few))
        counts[few] = generator.poisson(expected[few]) + electronic
    return np.log(expected / np.maximum(counts, LEAST_COUNTS))


def scaled_noise_of(line_integrals: np.ndarray, photons: float, generator: np.random.Generator) -> np.ndarray:
    """The noise of a slice whose line integrals are scaled to [0, 1] first, and back afterwards.

    Not physics: a thin patient gets as much noise as a thick one. It is what the authors' code does.
    """
    peak = line_integrals.max()
    if peak <= 0:
        return np.zeros_like(line_integrals)
    return peak * noise_of(line_integrals / peak, photons, 0.0, generator)
