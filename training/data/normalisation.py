"""The CT's constants of a fold (method.md, 2.1)."""

from collections.abc import Iterable
from math import fsum, sqrt

from ..cohorts.errors import CohortError
from .cache import Cache


def ct_constants(cache: Cache, names: Iterable[str]) -> tuple[float, float]:
    """Mean and standard deviation over the in-body voxels of these cases' CTs, on [0, 1]: `ct_mean` and `ct_std`.

    names: of the training cases of one fold, in any order; a held-out case among them would leak.
    Raises CohortError no_contrast, and those of `Cache.read`.
    """
    sums = [cache.read(name).body for name in names]
    count, total, squares = (fsum(column) for column in zip(*sums, strict=True)) if sums else (0.0, 0.0, 0.0)
    mean = total / count if count else 0.0
    variance = squares / count - mean**2 if count else 0.0
    if variance <= 0:
        raise CohortError(
            "no_contrast",
            f"The CTs of these {len(sums)} cases hold no two values within the HU window.",
            "Check the HU window, and that the fold has training cases.",
        )
    return mean, sqrt(variance)
