"""What measures said of attention maps, case by case, and as `explanations.csv`."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from .explanation_measures import MEASURES

BY_CASE = "explanations.csv"
COLUMNS = ("network", "map", "case", "patient", *(measure.key for measure in MEASURES))


@dataclass(frozen=True)
class Explained:
    """One map of one network. cases, patients: (N,). values: by a measure's key, (N,), NaN where a case has none."""

    network: str
    map: str
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Explanations:
    """remarks: which cases they are of, and what they cost; not in a file."""

    explained: tuple[Explained, ...]
    remarks: tuple[str, ...] = ()

    def csv(self) -> str:
        """A line for each network, map and case; empty where a measure has no value."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for of in self.explained:
            values = np.stack([of.values[measure.key] for measure in MEASURES], 1)
            for case, patient, row in zip(of.cases, of.patients, values.tolist(), strict=True):
                writer.writerow([of.network, of.map, case, patient, *("" if np.isnan(x) else x for x in row)])
        return text.getvalue()


def read_explanations(path: Path) -> Explanations:
    """What `Explanations.csv` wrote."""
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    found = []
    for (network, name), group in groupby(rows, key=lambda row: (row["network"], row["map"])):
        of = list(group)
        values = {
            measure.key: np.array([float(row[measure.key]) if row[measure.key] else np.nan for row in of])
            for measure in MEASURES
        }
        cases, patients = (tuple(row[column] for row in of) for column in ("case", "patient"))
        found.append(Explained(network, name, cases, patients, values))
    return Explanations(tuple(found))
