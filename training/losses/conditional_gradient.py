"""A coupling of two graphs too large to try every one."""

import numpy as np
import ot

PROFILE_QUANTILES = np.linspace(0, 1, 32)
FUSED = 0.5
"""Weight of the structure beside the features, in the fused start."""


def best_local_coupling(student: np.ndarray, teacher: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """The best of POT's conditional gradients from four starts, as one alone often stops far from the optimum.

    The starts: the product of the measures, the optimal transport of the features, the fused one of both features and
    structure, and the optimal transport between the regions' sorted edges (Mémoli's third lower bound), which sees
    structure alone.

    student: (n, n), edges. teacher: (m, m), edges. cost: (n, m), squared distances of their features; all float64.
    Returns a coupling of uniform measures, (n, m); their product where an input is not finite.
    """
    mu, nu = ot.unif(len(student)), ot.unif(len(teacher))
    if not all(np.isfinite(values).all() for values in (student, teacher, cost)):
        # The loss is then not finite either, and training stops with its own words, not with those of a solver.
        return np.outer(mu, nu)
    starts = (
        np.outer(mu, nu),
        ot.emd(mu, nu, cost),
        ot.gromov.fused_gromov_wasserstein(cost, student, teacher, mu, nu, alpha=FUSED, symmetric=True),
        ot.emd(mu, nu, ot.dist(_profiles(student), _profiles(teacher))),
    )
    ends = (ot.gromov.gromov_wasserstein(student, teacher, mu, nu, symmetric=True, G0=start) for start in starts)
    return max(ends, key=lambda coupling: np.vdot(student, coupling @ teacher @ coupling.T))


def _profiles(edges: np.ndarray) -> np.ndarray:
    """How each region's edges are distributed: (n, quantiles)."""
    return np.quantile(edges, PROFILE_QUANTILES, axis=1).T
