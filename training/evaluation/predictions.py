"""What networks said about cases: `predictions.csv`, read, written, selected and joined."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from scipy.special import softmax

from ..cohorts.grades import GRADES
from .errors import EvaluationError

LOGITS = tuple(f"logit_{grade}" for grade in range(len(GRADES)))
COLUMNS = ("case", "patient", "split", "inputs", "dose", "label", *LOGITS)
SHOWN = 5
"""Names in a message, at most."""


@dataclass(frozen=True)
class Predictions:
    """N predictions. cases, patients, split, inputs, dose: (N,) of str. labels: (N,) int64. logits: (N, K) float64.

    split: validation, test or external. inputs: what the network read, for instance `ct+fdg`. dose: such as native,
    mild, severe or mixed.
    A case has one prediction for each split, inputs and dose.
    """

    cases: np.ndarray
    patients: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    split: np.ndarray
    inputs: np.ndarray
    dose: np.ndarray

    def __len__(self) -> int:
        return len(self.cases)

    def probabilities(self, temperature: float = 1.0) -> np.ndarray:
        """softmax(logits / temperature): (N, K)."""
        return softmax(self.logits / temperature, axis=1)

    def select(self, *, split: str | None = None, inputs: str | None = None, dose: str | None = None) -> "Predictions":
        """The predictions with these values; may be none."""
        keep = np.ones(len(self), dtype=bool)
        for values, wanted in ((self.split, split), (self.inputs, inputs), (self.dose, dose)):
            keep &= (values == wanted) if wanted is not None else True
        return self._take(keep)

    def ordered(self) -> "Predictions":
        """By case, then split, inputs and dose."""
        return self._take(np.lexsort((self.dose, self.inputs, self.split, self.cases)))

    def _take(self, index: np.ndarray) -> "Predictions":
        return Predictions(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def join(parts: Iterable[Predictions], expected: Iterable[str] = ()) -> Predictions:
    """Predictions of several folds as one, ordered by case.

    expected: cases that must be among them. Raises EvaluationError: repeated_case where two folds predict the same case
    from the same inputs, other_facts where they disagree on its patient or label, missing_cases.
    """
    parts = list(parts)
    joined = Predictions(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Predictions)}
    )
    keys = Counter(zip(joined.cases, joined.split, joined.inputs, joined.dose, strict=True))
    if repeated := sorted({key[0] for key, count in keys.items() if count > 1}):
        raise EvaluationError(
            "repeated_case",
            f"More than one fold predicts: {_names(repeated)}.",
            "Pooled folds must hold out each case once; join folds of one run, one seed and one job.",
        )
    facts = set(zip(joined.cases, joined.patients, joined.labels, strict=True))
    if disputed := sorted(case for case, count in Counter(case for case, *_ in facts).items() if count > 1):
        raise EvaluationError(
            "other_facts",
            f"The patient or label is not the same everywhere for: {_names(disputed)}.",
            "Join predictions of one cohort only.",
        )
    if missing := sorted(set(expected) - set(joined.cases)):
        raise EvaluationError(
            "missing_cases", f"No fold predicts: {_names(missing)}.", "Finish the folds that hold these cases out."
        )
    return joined.ordered()


def write_predictions(path: Path | str, predictions: Predictions) -> None:
    """As `predictions.csv`, whole or not at all. Raises EvaluationError output_not_writable."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    p = predictions
    facts = zip(p.cases, p.patients, p.split, p.inputs, p.dose, p.labels.tolist(), strict=True)
    writer.writerows((*of_case, *logits) for of_case, logits in zip(facts, p.logits.tolist(), strict=True))
    try:
        temporary.write_text(text.getvalue(), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise EvaluationError(
            "output_not_writable",
            f"The predictions {path.name} cannot be written: {error.strerror}.",
            "Choose another place, or free some space.",
        ) from error


def read_predictions(path: Path | str) -> Predictions:
    """Of a file. Raises EvaluationError: missing_file, bad_predictions (with line and column)."""
    path = Path(path)
    try:
        reader = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError as error:
        raise EvaluationError("missing_file", f"There are no predictions {path}.", "Check the path.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _bad(path, f"cannot be read ({error})") from error
    if absent := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        raise _bad(path, f"line 1: the column {', '.join(absent)} is missing")
    if not rows:
        raise _bad(path, "line 1: no prediction follows the header")
    _check_rows(path, rows)

    def text(column: str) -> np.ndarray:
        return np.array([row[column] for _, row in rows])

    return Predictions(
        cases=text("case"),
        patients=text("patient"),
        labels=np.array([int(row["label"]) for _, row in rows]),
        logits=np.array([[float(row[column]) for column in LOGITS] for _, row in rows]),
        split=text("split"),
        inputs=text("inputs"),
        dose=text("dose"),
    )


def _check_rows(path: Path, rows: list[tuple[int, dict]]) -> None:
    """Raises EvaluationError bad_predictions at the first cell that cannot be."""
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        if None in row or None in row.values():
            raise _bad(path, f"line {line}: it has {'more' if None in row else 'fewer'} cells than the header")
        for column in COLUMNS:
            if not _is_valid(column, row[column]):
                raise _bad(path, f"line {line}, column {column}: '{row[column]}' is {_reason(column)}")
        key = tuple(row[column] for column in ("case", "split", "inputs", "dose"))
        if seen.setdefault(key, line) != line:
            raise _bad(path, f"line {line}, column case: line {seen[key]} has the same case, split, inputs and dose")


def _is_valid(column: str, value: str) -> bool:
    if column == "label":
        return value in map(str, range(len(GRADES)))
    if column not in LOGITS:
        return bool(value.strip())
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _reason(column: str) -> str:
    if column == "label":
        return f"no grade: 0 to {len(GRADES) - 1}"
    return "not a finite number" if column in LOGITS else "empty"


def _bad(path: Path, what: str) -> EvaluationError:
    message = f"The predictions {path.parent.name}/{path.name} are damaged: {what}."
    return EvaluationError("bad_predictions", message, "Delete the job's folder and run it again.")


def _names(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
