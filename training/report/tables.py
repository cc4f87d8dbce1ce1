"""The paper's four tables for a run, each where the run has what it compares."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from REACTKDLib.imaging.spec import TRACERS

from ..data.draw_settings import NATIVE
from ..engine.architectures import readable_branches
from ..engine.settings import StudentSettings, TeacherSettings
from ..evaluation.entries import UNKNOWN, Entry
from ..evaluation.metrics import METRICS
from ..evaluation.table import Cell, Column, Table, Value
from ..experiments.config import Experiment
from ..methods import method_class
from .paper import ACCURACY, DOSES, FOLD_MEANS, INPUTS, METHODS, ONE_SEED, PARTS, SOURCE, Reported

STUDENT, TEACHER = "student-", "teacher-"
FIVE, THREE, TWO = ("accuracy", "precision", "recall", "f1", "auc"), ("accuracy", "f1", "auc"), ("f1", "auc")
PART_NAMES = ("Dose teacher", "Region graphs", "CBAM3D")
YES, NO = "✓", "–"
WHOLE = "pet+ct"
"""Inputs of Tables I and II, as a key of `INPUTS`."""


@dataclass(frozen=True)
class _Line:
    """labels: its first cells. reported: by the paper, of the same thing."""

    labels: tuple[str, ...]
    entry: Entry
    reported: Reported | None = None


def table_1(experiment: Experiment, summary: Table, inputs: str) -> Table | None:
    """Methods, with the same inputs at native dose, and the teachers. None where the run has one method only.

    The paper's numbers are of PET and CT, and stand beside no other inputs.
    """
    if len({settings.method for settings in experiment.students.values()}) < 2:
        return None
    reported = METHODS if _kind(inputs) == WHOLE else {}
    lines = [
        _Line(
            (method_class(settings.method).title, STUDENT + name),
            Entry(STUDENT + name, inputs, NATIVE),
            reported.get(settings.method) if _as_published(experiment, settings) else None,
        )
        for name, settings in experiment.students.items()
    ]
    teachers = {TEACHER + name for name in experiment.teachers}
    lines += [
        _Line((f"Teacher ({entry.inputs})" if entry.inputs else "Teacher", entry.job), entry)
        for entry in _entries(summary)
        if entry.job in teachers and entry.dose in (NATIVE, UNKNOWN[1])
    ]
    return _beside("Table I: methods", ("Method", "Job"), lines, summary, FIVE)


def table_2(experiment: Experiment, summary: Table, reference: str, inputs: str) -> Table | None:
    """Students that differ from the reference in the three parts of Table II alone. None where it is the only one.

    The paper's numbers as in Table I.
    """
    alike = _cells_beside(experiment, reference)
    if len(set(alike.values())) < 2:
        return None
    reported = PARTS if _kind(inputs) == WHOLE else {}
    lines = [
        _Line(
            (*(YES if part else NO for part in parts), name),
            Entry(STUDENT + name, inputs, NATIVE),
            reported.get(parts),
        )
        for name, parts in sorted(alike.items(), key=lambda item: item[1], reverse=True)
    ]
    return _beside("Table II: parts of the method", (*PART_NAMES, "Student"), lines, summary, THREE)


def pairs_of_parts(experiment: Experiment, reference: str) -> dict[str, list[tuple[str, str]]]:
    """Jobs of Table II with a part and without it, by part: those that differ in nothing else.

    Parts with one pair are left out: their difference is one of two jobs.
    """
    alike = _cells_beside(experiment, reference)
    of_cell = {parts: STUDENT + name for name, parts in alike.items()}
    found = {}
    for number, part in enumerate(PART_NAMES):
        with_it = [cell for cell in of_cell if cell[number]]
        without = [(*cell[:number], False, *cell[number + 1 :]) for cell in with_it]
        pairs = [(of_cell[a], of_cell[b]) for a, b in zip(with_it, without, strict=True) if b in of_cell]
        if len(pairs) > 1:
            found[part] = pairs
    return found


def table_3(experiment: Experiment, summary: Table, reference: str) -> Table | None:
    """What the reference reads, at native dose, and its controls. None where it is tested with one kind of input."""
    found = [entry for entry in _entries(summary) if entry.job == reference and entry.dose == NATIVE]
    if len(found) < 2:
        return None
    found.sort(key=lambda entry: list(INPUTS).index(_kind(entry.inputs)))
    reported = INPUTS if _is_the_papers(experiment, reference) else {}
    lines = [_Line((entry.job, entry.inputs), entry, reported.get(_kind(entry.inputs))) for entry in found]
    lines += [_Line((entry.job, entry.inputs), entry) for entry in _of_controls(experiment, summary, found)]
    return _beside("Table III: inputs", ("Job", "Inputs"), lines, summary, THREE)


def table_4(experiment: Experiment, summary: Table, reference: str, tracers: Sequence[str] = TRACERS) -> Table | None:
    """Another cohort at each dose: the reference and its controls.

    tracers: of the cohort that they were trained on. The paper's student reads CT alone here, and is of a teacher that
    had PET.
    """
    found = [entry for entry in _entries(summary) if entry.job == reference and entry.inputs]
    if not found:
        return None
    reported = DOSES if _is_the_papers(experiment, reference, tracers) else {}
    lines = [
        _Line((entry.job, entry.inputs, entry.dose), entry, reported.get(entry.dose) if entry.inputs == "ct" else None)
        for entry in found
    ]
    others = _of_controls(experiment, summary, found)
    lines += [_Line((entry.job, entry.inputs, entry.dose), entry) for entry in others]
    return _beside("Table IV: another cohort", ("Job", "Inputs", "Dose"), lines, summary, TWO)


def _beside(title: str, labels: Sequence[str], lines: Iterable[_Line], summary: Table, metrics: Sequence[str]) -> Table:
    """Lines of a summary with labels of their own; the paper's numbers are in the first line of each entry.

    Cases are in every line, and seeds where they differ: networks of other cases or seeds are not to be compared.
    """
    keys = [column.key for column in summary.columns]
    found = [
        (line, number, dict(zip(keys, row, strict=True)))
        for line in lines
        for number, row in enumerate(_rows_of(summary, line.entry))
    ]
    seeds = {values["seeds"] for *_, values in found if values["seeds"]}
    shown = ("seeds", "cases", "estimate") if len(seeds) > 1 else ("cases", "estimate")
    facts = [column for column in summary.columns if column.key in shown]
    columns = (
        *(Column(label.lower().replace(" ", "_"), label) for label in labels),
        *facts,
        *(Column(name, METRICS[name].title) for name in metrics),
        *(Column(f"paper_{name}", f"Paper: {METRICS[name].title}") for name in metrics),
    )
    rows: list[tuple[Cell, ...]] = []
    for line, number, values in found:
        printed = line.reported.values if line.reported and number == 0 else {}
        paper = [Value(printed[name] / 100, style="percent") if name in printed else "" for name in metrics]
        own = [values[key] for key in (*(column.key for column in facts), *metrics)]
        rows.append((*line.labels, *own, *paper))
    return Table(title, columns, tuple(rows), (_remark(metrics, seeds), *summary.remarks[:1]), summary.note)


def _remark(metrics: Sequence[str], seeds: Collection[Cell]) -> str:
    """How the paper's numbers and a run's are to be read side by side. seeds: as the lines list them."""
    of_own_cohort = (ACCURACY, FOLD_MEANS) if "accuracy" in metrics else ()
    of_one_seed = (ONE_SEED,) if seeds and all("," not in str(listed) for listed in seeds) else ()
    return " ".join((SOURCE, *of_own_cohort, *of_one_seed))


def _rows_of(summary: Table, entry: Entry) -> Iterator[tuple[Cell, ...]]:
    """Also of a job that has not finished anywhere, whose inputs and dose are not known."""
    for row in summary.rows:
        if row[0] == entry.job and row[1:3] in {(entry.inputs, entry.dose), ("", "")}:
            yield row


def _entries(summary: Table) -> list[Entry]:
    """Also of jobs that have not finished anywhere, without inputs and dose."""
    return list(dict.fromkeys(Entry(*map(str, row[:3])) for row in summary.rows))


def _of_controls(experiment: Experiment, summary: Table, beside: Sequence[Entry]) -> Iterator[Entry]:
    """The reference's entries `beside`, of each of its controls; one entry of a control that has not finished."""
    there = set(_entries(summary))
    for job in _controls(experiment, beside[0].job):
        same = [replace(entry, job=job) for entry in beside]
        yield from [entry for entry in same if entry in there] or [Entry(job, *UNKNOWN)]


def _controls(experiment: Experiment, reference: str) -> list[str]:
    """Students without a teacher, and those of the reference's method that were trained in another way.

    Not those of the other cells of Table II.
    """
    name = reference.removeprefix(STUDENT)
    if (own := experiment.students.get(name)) is None:
        return []
    parts = (None, _parts(experiment, own))
    return [
        STUDENT + other
        for other, settings in experiment.students.items()
        if other != name
        and (settings.method == own.method or not method_class(settings.method).needs_teacher)
        and _parts(experiment, settings) in parts
    ]


def _cells_beside(experiment: Experiment, reference: str) -> dict[str, tuple[bool, bool, bool]]:
    """Cells of Table II by student: of those that differ from the reference in nothing else, and of itself.

    None where it has no cell.
    """
    of_reference = experiment.students.get(reference.removeprefix(STUDENT))
    if of_reference is None or _parts(experiment, of_reference) is None:
        return {}
    return {
        name: parts
        for name, settings in experiment.students.items()
        if (parts := _parts(experiment, settings)) and _rest(settings) == _rest(of_reference)
    }


def _parts(experiment: Experiment, settings: StudentSettings) -> tuple[bool, bool, bool] | None:
    """Its cell of Table II: dose teacher, region graphs, CBAM3D. None where it has none there.

    Those are other methods, students of a teacher without the structure branch, and those with a CBAM3D that is not
    the teacher's.
    """
    branches = experiment.teachers[settings.teacher].branches if settings.teacher else ()
    if settings.method != "react_kd" or "structure" not in branches or settings.cbam == "own":
        return None
    rgd = bool(method_class(settings.method).Options(**settings.options).rgd)
    return "dose" in branches, rgd, settings.cbam != "none"


def _is_the_papers(experiment: Experiment, job: str, tracers: Sequence[str] = TRACERS) -> bool:
    """Whether it is REACT-KD as published."""
    settings = experiment.students.get(job.removeprefix(STUDENT))
    return settings is not None and settings.method == "react_kd" and _as_published(experiment, settings, tracers)


def _as_published(experiment: Experiment, settings: StudentSettings, tracers: Sequence[str] = TRACERS) -> bool:
    """Whether the method is as the paper compares it, and not a variant of it. tracers: of the cohort."""
    teacher = settings.teacher and experiment.teachers[settings.teacher]
    whole = not teacher or set(readable_branches(teacher.branches, tracers)) == set(TeacherSettings().branches)
    cbam = ("shared",) if settings.method == "react_kd" else ("shared", "own")
    return whole and not settings.options and settings.cbam in cbam


def _rest(settings: StudentSettings) -> StudentSettings:
    options = {name: value for name, value in settings.options.items() if name != "rgd"}
    return replace(settings, teacher=None, cbam="shared", options=options)


def _kind(inputs: str) -> str:
    names = inputs.split("+")
    return "+".join([*(["pet"] if len(names) > 1 or names != ["ct"] else []), *(["ct"] if "ct" in names else [])])
