"""Everything a report of a run holds: its tables and figures, and what is missing."""

from dataclasses import replace
from pathlib import Path

import torch

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.imaging.spec import TRACERS

from ..cohorts.grades import GRADES
from ..cohorts.manifest import read_manifest
from ..data.draw_settings import NATIVE
from ..evaluation.bootstrap import RESAMPLING, Resampling
from ..evaluation.comparison import compare_jobs, compare_parts
from ..evaluation.entries import EXTERNAL, TEST, Entry, RunPredictions, why_undefined
from ..evaluation.errors import EvaluationError
from ..evaluation.run_folder import CONFIG, read_run
from ..evaluation.summary import summarise
from ..evaluation.table import Table
from ..experiments.config import Experiment
from ..experiments.errors import ExperimentError
from ..experiments.preparation import COHORT, experiment_of
from ..experiments.record import failure_of
from ..experiments.status import progress_of_run
from .contrast import contrast
from .costs import cost_table, costs_of_run
from .explaining import explain, explanation_differences, explanation_table
from .explanations import BY_CASE
from .losses import loss_table
from .page import Chapter, Page
from .pictures import cost_pictures, forest_picture, network_pictures, networks_of, prediction_pictures
from .tables import STUDENT, pairs_of_parts, table_1, table_2, table_3, table_4

PREFERRED = "student-react_kd"
PHANTOMS = "Trained and tested on synthetic phantoms: says nothing about patients."


def compare(
    run: Path,
    *,
    reference: str | None = None,
    explanations: int = 0,
    device: torch.device | str = "cpu",
    settings: Resampling = RESAMPLING,
) -> Page:
    """reference: the network that others are compared with. explanations: cases that maps are measured on.

    Raises ExperimentError: no_run, bad_config, unknown_network; EvaluationError: bad_run where nothing is done yet.
    """
    experiment = experiment_of(run)
    found = read_run(run)
    reference = _reference(found, reference)
    whole = _whole_inputs(found, reference)
    note = PHANTOMS if experiment.phantoms else ""
    missing = _not_done(run)
    results = summarise(run, settings=settings, note=note)
    of_paper = {
        "table1": table_1(experiment, results, whole),
        "table2": table_2(experiment, results, reference, whole),
        "table3": table_3(experiment, results, reference),
    }
    forest = forest_picture(experiment, results, note)
    of_predictions = prediction_pictures(experiment, found, Entry(reference, whole, NATIVE), note)
    of_networks = network_pictures(run, experiment, reference, device, note)
    chapters = [
        Chapter("Beside the paper", {stem: table for stem, table in of_paper.items() if table}),
        Chapter("All results", {"results": results}, [*forest.drawn, *of_predictions.drawn]),
        Chapter(
            "Differences",
            _of_parts(run, experiment, found, reference, settings, note, missing)
            | _differences(run, found, reference, settings, note, missing),
        ),
    ]
    if experiment.external is not None:
        chapters.append(_external(run, experiment, reference, _tracers(found), settings, note, missing))
    chapters.append(Chapter("Features and attention", {}, of_networks.drawn))
    if explanations:
        chapters.append(_explanations(run, experiment, reference, explanations, device, settings, note, missing))
    chapters.append(_costs(run, experiment, device, settings, note, missing))
    if losses := loss_table(run, note):
        chapters.append(Chapter("Training", {"losses": losses}))
    missing += [*forest.left_out, *of_predictions.left_out, *of_networks.left_out]
    return Page(
        title=f"Comparison: {run.name}",
        facts=_facts(run, experiment, found, reference),
        warning=PHANTOMS if experiment.phantoms else "",
        missing=[_within(run, line) for line in missing],
        chapters=[chapter for chapter in chapters if chapter.tables or chapter.pictures],
        settings=(run / CONFIG).read_text(encoding="utf-8"),
    )


def _reference(found: RunPredictions, name: str | None) -> str:
    names = list(dict.fromkeys(entry.job for entry in found.entries if entry.inputs))
    if name is None:
        students = [job for job in names if job.startswith(STUDENT)]
        return PREFERRED if PREFERRED in names else (students or names)[0]
    if name not in names:
        raise ExperimentError("unknown_network", f"The run has no results of {name}.", f"It has: {', '.join(names)}.")
    return name


def _whole_inputs(found: RunPredictions, job: str) -> str:
    """The most that it was tested with; of two tracers the first, as everywhere."""
    inputs = [entry.inputs for entry in found.entries if entry.job == job]
    return max(inputs, key=lambda names: (names.count("+"), TRACERS[0] in names.split("+")))


def _tracers(found: RunPredictions) -> tuple[str, ...]:
    """Of the cohort, by what any network was tested with."""
    inputs = {name for entry in found.entries for name in entry.inputs.split("+")}
    return tuple(tracer for tracer in TRACERS if tracer in inputs)


def _not_done(run: Path) -> list[str]:
    """First of all: what the numbers lack."""
    lines = []
    for progress in progress_of_run(run):
        if progress.state == "done":
            continue
        error = failure_of(run / progress.job.folder) if progress.state == "failed" else None
        why = error["message"] if error else f"epoch {progress.epoch} of {progress.epochs}"
        lines.append(f"{progress.job.title}: {progress.state}, {why}")
    return lines


def _differences(
    run: Path,
    found: RunPredictions,
    reference: str,
    settings: Resampling,
    note: str,
    missing: list[str],
    split: str = TEST,
) -> dict[str, Table]:
    """A table for each of the reference's inputs and doses that another job has too."""
    tables = {}
    for entry in (entry for entry in found.entries if entry.job == reference and entry.inputs):
        others = [e for e in found.entries if e.job != reference and (e.inputs, e.dose) == (entry.inputs, entry.dose)]
        if not others:
            continue
        if why := _why_undefined(found, entry):
            missing.append(f"Differences from {entry}, {split} cases: not defined, {why}.")
            continue
        stem = f"differences_{split}_{entry.inputs.replace('+', '_')}_{entry.dose}"
        tables[stem] = compare_jobs(run, entry, split=split, settings=settings, note=note)
    return tables


def _of_parts(
    run: Path,
    experiment: Experiment,
    found: RunPredictions,
    reference: str,
    settings: Resampling,
    note: str,
    missing: list[str],
) -> dict[str, Table]:
    """Main effects, for each of the reference's inputs and doses that all jobs of a pair have."""
    tables = {}
    pairs = pairs_of_parts(experiment, reference)
    for entry in (entry for entry in found.entries if entry.job == reference and entry.inputs and pairs):
        if _why_undefined(found, entry):  # named with the differences
            continue
        of_parts = {
            part: [(replace(entry, job=one), replace(entry, job=other)) for one, other in jobs]
            for part, jobs in pairs.items()
        }
        lacking = {of for entries in of_parts.values() for pair in entries for of in pair} - found.entries.keys()
        if lacking:
            missing.append(f"What each part brings ({entry.inputs}, {entry.dose}): {min(lacking).job} has no results.")
            continue
        stem = f"parts_{entry.inputs.replace('+', '_')}_{entry.dose}"
        tables[stem] = compare_parts(run, of_parts, settings=settings, note=note)
    return tables


def _why_undefined(found: RunPredictions, entry: Entry) -> str:
    of = found.entries[entry]
    return why_undefined(of.in_order(of.seeds[0])) if of.seeds else ""


def _external(
    run: Path,
    experiment: Experiment,
    reference: str,
    tracers: tuple[str, ...],
    settings: Resampling,
    note: str,
    missing: list[str],
) -> Chapter:
    """tracers: of the run's own cohort."""
    try:
        found = read_run(run, EXTERNAL)
        results = summarise(run, split=EXTERNAL, settings=settings, note=note)
    except EvaluationError as error:
        missing.append(f"Results on the other cohort: {error.message}")
        return Chapter("Another cohort", {})
    tables = {"table4": table_4(experiment, results, reference, tracers), "results_external": results}
    tables |= _differences(run, found, reference, settings, note, missing, EXTERNAL)
    return Chapter("Another cohort", {stem: table for stem, table in tables.items() if table})


def _explanations(
    run: Path,
    experiment: Experiment,
    reference: str,
    cases: int,
    device: torch.device | str,
    settings: Resampling,
    note: str,
    missing: list[str],
) -> Chapter:
    """Of the reference, and beside it the network that the figure of attention shows too."""
    other = contrast(experiment, reference)
    try:
        networks = networks_of(run, experiment, [reference, *([other.job] if other else [])], device)
        if networks:
            found = explain(networks, cases=cases)
            tables = {
                "explanations": explanation_table(found, settings=settings, note=note),
                "explanation_differences": explanation_differences(found, settings=settings, note=note),
            }
            return Chapter("Explanations", tables, data={BY_CASE: found.csv()})
        why = f"no fold of {reference} is trained."
    except ReactKDError as error:
        why = error.message
    except ValueError as error:  # of a measure that a network's maps do not have
        why = f"{error}."
    missing.append(f"How good explanations are: {why}")
    return Chapter("Explanations", {})


def _costs(
    run: Path,
    experiment: Experiment,
    device: torch.device | str,
    settings: Resampling,
    note: str,
    missing: list[str],
) -> Chapter:
    try:
        costs = costs_of_run(run, device=device, settings=settings)
    except ReactKDError as error:
        missing.append(f"What a decision costs: {error.message}")
        return Chapter("Costs", {})
    pictures = cost_pictures(experiment, costs, note)
    missing += pictures.left_out
    return Chapter("Costs", {"costs": cost_table(costs, device, note=note)}, pictures.drawn)


def _within(run: Path, line: str) -> str:
    """Without the place of the run: the page may be read anywhere."""
    for folder in (run, run.resolve()):
        line = line.replace(f"{folder}/", "")
    return line


def _facts(run: Path, experiment: Experiment, found: RunPredictions, reference: str) -> dict[str, str]:
    folds = f"{experiment.folds}" + (f"; {found.only_folds}" if found.only_folds else "")
    return {
        "Cohort": _cohort(run, found),
        "Folds": folds,
        "Seeds": ", ".join(map(str, experiment.seeds)),
        "Networks": ", ".join(dict.fromkeys(entry.job for entry in found.entries)),
        "Compared with": reference,
        "Made by": "reactkd-train run, with the settings below",
    }


def _cohort(run: Path, found: RunPredictions) -> str:
    """By the run's manifest, or else by what was predicted."""
    try:
        cases = read_manifest(run / COHORT, allow_unlabelled=True).cases
        facts, source = {case.name: (case.patient, case.grade) for case in cases}, ""
    except ReactKDError:
        facts, source = _predicted_cases(found), f"; as predicted, since {COHORT} or the images it names are missing"
    grades = [grade for _, grade in facts.values()]
    counts = ", ".join(f"{name.lower()} {grades.count(grade)}" for grade, name in enumerate(GRADES))
    counts += f", without a grade {grades.count(None)}" if None in grades else ""
    return f"{len(facts)} cases of {len({patient for patient, _ in facts.values()})} patients ({counts}){source}"


def _predicted_cases(found: RunPredictions) -> dict[str, tuple[str, int]]:
    """Patient and grade by case."""
    parts = [part for of in found.entries.values() for folds in of.by_seed.values() for part in folds.values()]
    return {
        case: (patient, grade)
        for part in parts
        for case, patient, grade in zip(part.cases.tolist(), part.patients.tolist(), part.labels.tolist(), strict=True)
    }
