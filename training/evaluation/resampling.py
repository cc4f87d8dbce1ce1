"""Resamples of patients, never of cases: scans of one patient are not independent."""

from collections.abc import Sequence

import numpy as np


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
    names, patient_of = np.unique(np.asarray(patients), return_inverse=True)
    networks = np.zeros(len(labels), dtype=int) if networks is None else networks
    facts = np.stack([labels, networks], axis=1)
    strata = [tuple(map(tuple, np.unique(facts[patient_of == index], axis=0))) for index in range(len(names))]
    weights = np.empty((count, len(names)), dtype=np.int32)
    for stratum in sorted(set(strata)):
        members = [index for index, of_patient in enumerate(strata) if of_patient == stratum]
        weights[:, members] = generator.multinomial(len(members), np.full(len(members), 1 / len(members)), size=count)
    return weights[:, patient_of]


def patient_swaps(patients: Sequence[str], count: int, generator: np.random.Generator) -> np.ndarray:
    """Which cases change sides in each of `count` random permutations of two methods: (count, N) bool.

    All cases of a patient change sides together.
    """
    names, patient_of = np.unique(np.asarray(patients), return_inverse=True)
    return generator.integers(0, 2, size=(count, len(names)), dtype=np.uint8).astype(bool)[:, patient_of]
