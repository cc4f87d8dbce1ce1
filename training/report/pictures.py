"""The figures of a report, each with its caption; one that cannot be drawn says why instead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from matplotlib.figure import Figure

from REACTKDLib.imaging.errors import ReactKDError

from ..data.draw_settings import NATIVE
from ..evaluation.bootstrap import RESAMPLING, Estimate
from ..evaluation.decision_curves import MACRO, decision_curves
from ..evaluation.entries import Entry, RunPredictions, listed, only_folds, why_undefined
from ..evaluation.figure_style import COLUMN_MM, MM_PER_INCH
from ..evaluation.figures import confusion_figure, decision_figure, forest_figure, reliability_figure, roc_figure
from ..evaluation.predictions import Predictions
from ..evaluation.resampling import can_resample
from ..evaluation.run_folder import DONE
from ..evaluation.summary import AS_TRAINED, CALIBRATED
from ..evaluation.table import Table, Value
from ..experiments.config import Experiment
from ..experiments.jobs import jobs_of
from ..methods import method_class
from .attention_figure import attention_figure
from .contrast import contrast
from .costs import UNITS, JobCost, cost_picture, has_both
from .embedding import embedding_figure, embeddings_of
from .networks import HeldOut, read_networks
from .tables import STUDENT, TEACHER
from .titles import titles

COMPARED = 8
"""Curves in one figure, at most: the seven methods of the paper's Table I and a control."""
SURE = "No interval where every resample gives a bin the same share, such as where all its decisions are right."
BELOW = "An arrow: the line goes on below the frame."


@dataclass(frozen=True)
class Picture:
    """stem: of its files."""

    stem: str
    caption: str
    figure: Figure

    @property
    def wide(self) -> bool:
        """Whether it fills a journal's page, not only a column."""
        return self.figure.get_figwidth() > 1.2 * COLUMN_MM / MM_PER_INCH


@dataclass
class Pictures:
    """left_out: why those are missing that could not be drawn."""

    drawn: list[Picture] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, stem: str, caption: str, draw: Callable[[], Figure]) -> None:
        try:
            self.drawn.append(Picture(stem, caption, draw()))
        except ReactKDError as error:
            self.left_out.append(f"Figure {stem}: {error.message}")


def forest_picture(experiment: Experiment, results: Table, note: str) -> Pictures:
    """The AUC of every network at native dose, by inputs. results: as `summarise` gives them."""
    key = [column.key for column in results.columns].index("auc")
    jobs = [kind + name for kind, of in ((STUDENT, experiment.students), (TEACHER, experiment.teachers)) for name in of]
    named = titles(experiment, jobs)
    found: dict[str, dict[str, Estimate]] = {}
    for row in sorted(results.rows, key=lambda row: jobs.index(row[0]) if row[0] in jobs else len(jobs)):
        job, inputs, dose, value = row[0], row[1], row[2], row[key]
        # Pooled, which comes before the mean over seeds: the mean over folds has a spread.
        pooled = isinstance(value, Value) and value.std is None
        if dose == NATIVE and pooled and named.get(job, job) not in found.get(inputs, {}):
            found.setdefault(inputs, {})[named.get(job, job)] = Estimate(value.value, value.low, value.high)
    pictures = Pictures()
    if len(set().union(*found.values())) > 1:
        whole = dict(sorted(found.items(), key=lambda item: -len(item[1])))
        only = only_folds({job.fold for job in jobs_of(experiment)}, experiment.folds)
        pictures.add(
            "auc",
            f"Macro AUC of every network by what it reads, native dose, {_held_out(only)}; intervals over patients for "
            "the networks as they were trained.",
            lambda: forest_figure(whole, quality="Macro AUC", note=note),
        )
    return pictures


def prediction_pictures(experiment: Experiment, found: RunPredictions, reference: Entry, note: str) -> Pictures:
    """Of the reference's held-out cases, folds pooled: ROC, calibration, confusion, and decision curves of all."""
    pictures = Pictures()
    of_reference = _first_seed(found, reference)
    if of_reference is None:
        pictures.left_out.append(f"Figures of {reference}: no seed of it has every fold.")
        return pictures
    if why := why_undefined([of_reference]):
        pictures.left_out.append(f"Figures of {reference}: not defined, {why}.")
        return pictures
    labels, probabilities, patients = of_reference.labels, of_reference.probabilities(), of_reference.patients
    who = f"{reference}, {_held_out(found.only_folds)}{_which_seed(found, reference)}"
    enough = can_resample(labels, patients)
    pointwise = f", with pointwise {RESAMPLING.level:.0%} intervals over resampled patients" if enough else ""
    mixed = " Scores of the folds' networks are in one curve; the AUC of the tables compares cases of one network only."
    pictures.add(
        "roc",
        f"ROC curve of each grade against the rest{pointwise}: {who}.{mixed if len(found.folds) > 1 else ''}",
        lambda: roc_figure(labels, probabilities, patients, note=note),
    )
    pictures.add(
        "reliability",
        f"How often a confidence is right{pointwise}: {who}. {SURE + ' ' if enough else ''}"
        f"{CALIBRATED if found.calibrated else AS_TRAINED}",
        lambda: reliability_figure(labels, probabilities, patients, note=note),
    )
    pictures.add(
        "confusion",
        f"True and predicted grades: {who}.",
        lambda: confusion_figure(labels, probabilities, note=note),
    )
    _add_decision_curves(pictures, experiment, found, reference, note)
    return pictures


def _add_decision_curves(
    pictures: Pictures, experiment: Experiment, found: RunPredictions, reference: Entry, note: str
) -> None:
    """Of the reference and those it is compared with."""
    compared, left_out = _compared(experiment, found, reference)
    named = titles(experiment, [entry.job for entry in compared])
    curves = {}
    for entry in compared:
        part = _first_seed(found, entry)
        resampled = part.patients if entry == reference else None
        curves[named[entry.job]] = decision_curves(part.labels, part.probabilities(), patients=resampled)
    which = "; of each network its first complete seed" if len(found.seeds) > 1 else ""
    cases = f"{_held_out(found.only_folds)}{which}"
    what = f"net benefit ({reference.inputs}, {reference.dose}; {cases}), beside treating all and none. {BELOW}"
    of_reference = curves[named[reference.job]]
    if of_reference[MACRO].low is not None:
        pointwise = f"pointwise {RESAMPLING.level:.0%} intervals over resampled patients"
        what += f" The band: {pointwise}, of {named[reference.job]} alone."
    keys = list(of_reference)
    for key in keys[:-1]:  # the last cut is the last grade against the rest
        pictures.add(
            f"decision_{key}",
            " ".join((f"{of_reference[key].name}: {what}", *left_out)),
            lambda key=key: decision_figure({name: of_job[key] for name, of_job in curves.items()}, note=note),
        )


def network_pictures(
    run: Path, experiment: Experiment, reference: str, device: torch.device | str, note: str
) -> Pictures:
    """Of the trained reference and the network it is contrasted with, on one fold: features and attention."""
    pictures = Pictures()
    what = f"Figures of {reference}'s features and attention"
    other = contrast(experiment, reference)
    try:
        found = networks_of(run, experiment, [reference, *([other.job] if other else [])], device)
    except ReactKDError as error:
        pictures.left_out.append(f"{what}: {error.message}")
        return pictures
    if not found:
        pictures.left_out.append(f"{what}: no fold of it is trained.")
        return pictures
    named = titles(experiment, found)
    networks = {named[job]: of for job, of in found.items()}
    names = " and ".join(f"{title} ({job})" for job, title in named.items())
    if len(found) > 1 and other.differs:
        names += f", which differ in: {other.differs}"
    pictures.add(
        "embedding",
        f"Features of held-out cases: {names}.",
        lambda: embedding_figure(embeddings_of(networks), note=note),
    )
    pictures.add(
        "attention",
        f"Attention on typical held-out cases: {names}.",
        lambda: attention_figure(networks, note=note),
    )
    return pictures


def cost_pictures(experiment: Experiment, costs: Sequence[JobCost], note: str) -> Pictures:
    pictures = Pictures()
    named = titles(experiment, [of.job for of in costs])
    if any(map(has_both, costs)):
        for kind in UNITS:
            pictures.add(
                f"cost_{kind}",
                f"Macro AUC and cost: {UNITS[kind].title}. Bars are intervals over patients; of several networks of "
                "one architecture, from the lowest to the highest AUC.",
                lambda kind=kind: cost_picture(costs, kind, named, note),
            )
    return pictures


def networks_of(
    run: Path, experiment: Experiment, names: Sequence[str], device: torch.device | str
) -> dict[str, HeldOut]:
    """Of the first fold and seed that has them all, else of the first that has the first of them; by name."""
    jobs = jobs_of(experiment)
    done = {(job.folder.name, job.fold, job.seed) for job in jobs if (run / job.folder / DONE).is_file()}
    for wanted in (list(names), list(names[:1])):
        for fold, seed in dict.fromkeys((job.fold, job.seed) for job in jobs):
            if all((name, fold, seed) in done for name in wanted):
                return dict(zip(wanted, read_networks(run, wanted, fold, seed, device=device), strict=True))
    return {}


def _compared(experiment: Experiment, found: RunPredictions, reference: Entry) -> tuple[list[Entry], list[str]]:
    """The reference and others with its inputs and dose on the same cases, at most `COMPARED`; and who is left out.

    First come a control and the published methods, then the others, each in the order of the experiment.
    """
    cases = set(_first_seed(found, reference).cases)
    alike = [entry for entry in found.entries if entry != reference and entry.inputs == reference.inputs]
    alike = [entry for entry in alike if entry.dose == NATIVE == reference.dose and found.entries[entry].seeds]
    same = [entry for entry in alike if set(_first_seed(found, entry).cases) == cases]
    order = _by_interest(experiment)
    same.sort(key=lambda entry: order.index(entry.job) if entry.job in order else len(order))
    sentences = [
        f"{why}: {', '.join(entry.job for entry in entries)}."
        for why, entries in (
            ("Left out, for want of room", same[COMPARED - 1 :]),
            ("Left out, tested on other cases", [entry for entry in alike if entry not in same]),
        )
        if entries
    ]
    return [reference, *same[: COMPARED - 1]], sentences


def _by_interest(experiment: Experiment) -> list[str]:
    """Students: a control without a teacher, the first of each published method, and all others."""
    students = {STUDENT + name: method_class(settings.method) for name, settings in experiment.students.items()}
    controls = [job for job, method in students.items() if not method.needs_teacher]
    first = {method: job for job, method in reversed(students.items())}
    published = [job for job, method in students.items() if method.published and first[method] == job]
    return list(dict.fromkeys([*controls[:1], *published, *students]))


def _held_out(only: str) -> str:
    """Which cases, in words. only: as `only_folds` says it."""
    return f"held-out cases of {only or 'all folds'}"


def _which_seed(found: RunPredictions, entry: Entry) -> str:
    """Where there are several: figures are of one of them."""
    if len(found.seeds) < 2:
        return ""
    first = found.entries[entry].seeds[0]
    return f", seed {first}, the first complete one of {listed(found.seeds)}"


def _first_seed(found: RunPredictions, entry: Entry) -> Predictions | None:
    of_entry = found.entries.get(entry)
    if of_entry is None or not of_entry.seeds:
        return None
    return of_entry.pooled(of_entry.seeds[:1])[0]
