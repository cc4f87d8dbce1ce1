"""The paper's four tables for a run, each where the run has what it compares."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..data.draw_settings import NATIVE
from ..engine.settings import StudentSettings, TeacherSettings
from ..evaluation.entries import Entry
from ..evaluation.metrics import METRICS
from ..evaluation.table import Cell, Column, Table, Value
from ..experiments.config import Experiment
from ..methods import method_class
from .paper import DOSES, INPUTS, METHODS, PARTS, SOURCE, Reported

STUDENT, TEACHER = "student-", "teacher-"
FIVE, THREE, TWO = ("accuracy", "precision", "recall", "f1", "auc"), ("accuracy", "f1", "auc"), ("f1", "auc")
YES, NO = "✓", "–"


@dataclass(frozen=True)
class _Line:
    """labels: its first cells. reported: by the paper, of the same thing."""

    labels: tuple[str, ...]
    entry: Entry
    reported: Reported | None = None


def table_1(experiment: Experiment, summary: Table, inputs: str) -> Table | None:
    """Methods, with the same inputs at native dose, and the teachers. None where the run has one method only."""
    if len({settings.method for settings in experiment.students.values()}) < 2:
        return None
    lines = [
        _Line(
            (method_class(settings.method).title, STUDENT + name),
            Entry(STUDENT + name, inputs, NATIVE),
            METHODS.get(settings.method) if _as_published(experiment, settings) else None,
        )
        for name, settings in experiment.students.items()
    ]
    teachers = {TEACHER + name for name in experiment.teachers}
    lines += [
        _Line(("Teacher (all inputs)", entry.job), entry)
        for entry in _entries(summary)
        if entry.job in teachers and entry.dose == NATIVE
    ]
    return _beside("Table I: methods", ("Method", "Job"), lines, summary, FIVE)


def table_2(experiment: Experiment, summary: Table, reference: str, inputs: str) -> Table | None:
    """Students that differ from the reference in the three parts of Table II alone. None where it is the only one."""
    of_reference = experiment.students.get(reference.removeprefix(STUDENT))
    if of_reference is None or of_reference.method != "react_kd":
        return None
    alike = {
        name: _parts(experiment, settings)
        for name, settings in experiment.students.items()
        if settings.method == "react_kd" and _rest(settings) == _rest(of_reference)
    }
    if len(set(alike.values())) < 2:
        return None
    lines = [
        _Line((*(YES if part else NO for part in parts), name), Entry(STUDENT + name, inputs, NATIVE), PARTS[parts])
        for name, parts in sorted(alike.items(), key=lambda item: item[1], reverse=True)
    ]
    labels = ("Dose teacher", "Region graphs", "CBAM3D", "Student")
    return _beside("Table II: parts of the method", labels, lines, summary, THREE)


def table_3(summary: Table, reference: str) -> Table | None:
    """What the reference reads, at native dose. None where it is tested with one kind of input."""
    found = [entry for entry in _entries(summary) if entry.job == reference and entry.dose == NATIVE]
    if len(found) < 2:
        return None
    found.sort(key=lambda entry: list(INPUTS).index(_kind(entry.inputs)))
    lines = [_Line((entry.inputs,), entry, INPUTS[_kind(entry.inputs)]) for entry in found]
    return _beside("Table III: inputs", ("Inputs",), lines, summary, THREE)


def table_4(summary: Table, reference: str) -> Table | None:
    """Another cohort at each dose."""
    found = [entry for entry in _entries(summary) if entry.job == reference]
    lines = [
        _Line((entry.inputs, entry.dose), entry, DOSES.get(entry.dose) if entry.inputs == "ct" else None)
        for entry in found
    ]
    return _beside("Table IV: another cohort", ("Inputs", "Dose"), lines, summary, TWO) if lines else None


def _beside(title: str, labels: Sequence[str], lines: Iterable[_Line], summary: Table, metrics: Sequence[str]) -> Table:
    """Lines of a summary with labels of their own; the paper's numbers are in the first line of each entry."""
    columns = (
        *(Column(label.lower().replace(" ", "_"), label) for label in labels),
        Column("estimate", "Estimate"),
        *(Column(name, METRICS[name].title) for name in metrics),
        *(Column(f"paper_{name}", f"Paper: {METRICS[name].title}") for name in metrics),
    )
    keys = [column.key for column in summary.columns]
    rows: list[tuple[Cell, ...]] = []
    for line in lines:
        for number, row in enumerate(_rows_of(summary, line.entry)):
            found = dict(zip(keys, row, strict=True))
            values = line.reported.values if line.reported and number == 0 else {}
            paper = [Value(values[name] / 100, style="percent") if name in values else "" for name in metrics]
            rows.append((*line.labels, found["estimate"], *(found[name] for name in metrics), *paper))
    return Table(title, columns, tuple(rows), (SOURCE, *summary.remarks[:1]), summary.note)


def _rows_of(summary: Table, entry: Entry) -> Iterator[tuple[Cell, ...]]:
    """Also of a job that has not finished anywhere, whose inputs and dose are not known."""
    for row in summary.rows:
        if row[0] == entry.job and row[1:3] in {(entry.inputs, entry.dose), ("", "")}:
            yield row


def _entries(summary: Table) -> list[Entry]:
    return list(dict.fromkeys(Entry(*map(str, row[:3])) for row in summary.rows if row[1]))


def _parts(experiment: Experiment, settings: StudentSettings) -> tuple[bool, bool, bool]:
    dose = settings.teacher is not None and "dose" in experiment.teachers[settings.teacher].branches
    rgd = bool(method_class(settings.method).Options(**settings.options).rgd)
    return dose, rgd, settings.cbam != "none"


def _as_published(experiment: Experiment, settings: StudentSettings) -> bool:
    """Whether the method is as the paper compares it, and not a variant of it."""
    teacher = settings.teacher and experiment.teachers[settings.teacher]
    whole = not teacher or set(teacher.branches) == set(TeacherSettings().branches)
    return whole and not settings.options and settings.cbam != "none"


def _rest(settings: StudentSettings) -> StudentSettings:
    options = {name: value for name, value in settings.options.items() if name != "rgd"}
    return replace(settings, teacher=None, cbam="shared", options=options)


def _kind(inputs: str) -> str:
    names = inputs.split("+")
    return "+".join([*(["pet"] if len(names) > 1 or names != ["ct"] else []), *(["ct"] if "ct" in names else [])])
