"""The CT's constants of a fold (method.md, 2.1)."""

from collections.abc import Iterable
from dataclasses import replace
from math import fsum, sqrt

from REACTKDLib.imaging.spec import PreprocessingSpec

from ..cohorts.errors import CohortError
from .cache import Cache


def with_ct_constants(spec: PreprocessingSpec, cache: Cache, names: Iterable[str]) -> PreprocessingSpec:
    """The spec with the CT constants of these training cases; as it is where the liver is zero, not a cohort's mean."""
    if spec.zero == "liver":
        return spec
    mean, std = ct_constants(cache, names)
    return replace(spec, ct_mean=mean, ct_std=std)


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
