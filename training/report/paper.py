"""What the paper reports, in percent, to be printed beside a run's own numbers (method.md, section 9)."""

from dataclasses import dataclass

SOURCE = (
    "Paper: as printed there. Tables I to III are of a private cohort of 97 patients with two tracers, Table IV of "
    "HCC-TACE-Seg. Other patients and other networks: a difference from this run is none between methods."
)

ACCURACY = (
    "Acc is the share of cases graded right. The paper defines its accuracy one-vs-rest (eq. 19), which for the same "
    "decisions is higher, 1 − 2 (1 − Acc) / 3: it is Acc (OvR) among all results. Compare F1 and AUC rather."
)
FOLD_MEANS = (
    "Of several folds the mean comes first, as the paper prints it. Differences between networks, in tables of their "
    "own, are of pooled cases instead; an AUC is there too of pairs of cases that one fold's network scored."
)
ONE_SEED = (
    "There is one seed: intervals and p-values over patients speak of these networks only, not of retraining. What is "
    "over networks, in the tables of differences, does by its folds."
)


@dataclass(frozen=True)
class Reported:
    """By the keys of `evaluation.metrics.METRICS`; those that a table does not print are missing."""

    values: dict[str, float]


def _five(accuracy: float, precision: float, recall: float, f1: float, auc: float) -> Reported:
    return Reported({"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1, "auc": auc})


def _three(accuracy: float, f1: float, auc: float) -> Reported:
    return Reported({"accuracy": accuracy, "f1": f1, "auc": auc})


def _two(f1: float, auc: float) -> Reported:
    return Reported({"f1": f1, "auc": auc})


METHODS = {
    "kd": _five(70.1, 69.1, 72.2, 69.4, 83.8),
    "at": _five(72.2, 71.4, 73.9, 71.7, 84.3),
    "cirkd": _five(74.7, 72.4, 75.5, 73.2, 84.8),
    "mskd": _five(74.1, 71.9, 73.9, 72.2, 90.7),
    "mtcm_kd": _five(76.5, 75.9, 77.5, 76.4, 92.1),
    "awmtkd": _five(78.1, 76.5, 78.1, 77.1, 93.4),
    "react_kd": _five(79.9, 78.7, 81.8, 79.4, 93.5),
}
"""Table I, by file of training/methods."""

PARTS = {
    (True, True, True): _three(79.9, 79.4, 93.5),
    (False, True, True): _three(76.1, 75.0, 90.2),
    (True, False, True): _three(74.4, 73.9, 87.2),
    (True, True, False): _three(77.5, 75.2, 89.2),
    (False, False, True): _three(72.0, 72.8, 84.4),
    (False, True, False): _three(73.5, 71.9, 86.9),
    (True, False, False): _three(72.6, 73.0, 84.6),
    (False, False, False): _three(70.1, 69.4, 83.8),
}
"""Table II, by whether there are the dose teacher, region-graph distillation and CBAM3D."""

INPUTS = {
    "pet+ct": _three(79.9, 79.4, 93.5),
    "pet": _three(71.3, 70.8, 86.2),
    "ct": _three(74.4, 73.9, 83.3),
}
"""Table III, by what the student reads."""

DOSES = {"native": _two(62.8, 81.5), "mild": _two(63.3, 80.1), "severe": _two(54.2, 76.6), "mixed": _two(57.6, 80.0)}
"""Table IV, by dose of another cohort's CT; it has no PET."""
