"""Resamples of patients, never of cases: scans of one patient are not independent."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

FEWEST_PATIENTS = 6
"""Two of each grade. Of fewer, an interval is little more than the smallest and the largest value."""
STRATIFIED = (
    "stratified by grade and, where each network predicts cases of its own, by network (fold); no interval where that "
    "leaves a grade with one patient, who is in every resample"
)


def patient_weights(
    labels: np.ndarray,
    patients: Sequence[str],
    count: int,
    generator: np.random.Generator,
    networks: np.ndarray | None = None,
) -> np.ndarray:
    """How often each case is in each of `count` bootstrap resamples: (count, N) integers. labels: (N,).

    Patients are drawn with replacement among those with the same set of grades, so that no grade can vanish from a
    resample and its share is that of the cohort, which the folds are stratified by as well (stratification as pROC
    does by default: Robin 2011, BMC Bioinformatics 12:77). networks: (N,), which predicted each case: so that none of
    them loses a grade either. The order of the cases has no say.
    """
    strata, patient_of = _strata(labels, patients, networks)
    weights = np.empty((count, len(strata)), dtype=np.int32)
    for stratum in sorted(set(strata)):
        members = [index for index, of_patient in enumerate(strata) if of_patient == stratum]
        weights[:, members] = generator.multinomial(len(members), np.full(len(members), 1 / len(members)), size=count)
    return weights[:, patient_of]


def can_resample(labels: np.ndarray, patients: Sequence[str], networks: np.ndarray | None = None) -> bool:
    """Whether resamples, as `patient_weights` draws them, say how much the patients matter.

    They do not for fewer than `FEWEST_PATIENTS`, nor where some grade, of some network, is only that of patients who
    are alone in their stratum: no resample is without them.
    """
    strata, _ = _strata(labels, patients, networks)
    drawn = {fact for stratum, patients in Counter(strata).items() if patients > 1 for fact in stratum}
    return len(strata) >= FEWEST_PATIENTS and drawn.issuperset(set().union(*strata))


def band(values: np.ndarray, level: float) -> np.ndarray:
    """Percentiles between which this share of S resamples lies, at each point by itself: (2, ...), low and high.

    values: (S, ...); NaN where a resample says nothing.
    """
    return np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)


def patient_swaps(patients: Sequence[str], count: int, generator: np.random.Generator) -> np.ndarray:
    """Which cases change sides in each of `count` random permutations of two methods: (count, N) bool.

    All cases of a patient change sides together.
    """
    names, patient_of = np.unique(np.asarray(patients), return_inverse=True)
    return generator.integers(0, 2, size=(count, len(names)), dtype=np.uint8).astype(bool)[:, patient_of]


def _strata(
    labels: np.ndarray, patients: Sequence[str], networks: np.ndarray | None
) -> tuple[list[tuple[tuple[int, int], ...]], np.ndarray]:
    """Each patient's grades and networks, and which patient each case is of, (N,)."""
    names, patient_of = np.unique(np.asarray(patients), return_inverse=True)
    networks = np.zeros(len(labels), dtype=int) if networks is None else networks
    facts = np.stack([labels, networks], axis=1)
    strata = [tuple(map(tuple, np.unique(facts[patient_of == index], axis=0).tolist())) for index in range(len(names))]
    return strata, patient_of
