"""What the documentation says of results is what the saved predictions say, and what its commands make."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest

from training.engine.differences import differences
from training.evaluation.comparison import compare_jobs, compare_parts
from training.evaluation.entries import Entry
from training.evaluation.summary import OVER_FOLDS, summarise
from training.evaluation.table import Column, Table
from training.experiments.config import Experiment
from training.experiments.reading import read_experiment, to_tree
from training.methods import method_class
from training.report.explaining import explanation_differences, explanation_table
from training.report.explanations import BY_CASE as EXPLANATIONS
from training.report.explanations import read_explanations
from training.report.losses import loss_table
from training.report.tables import FIVE, pairs_of_parts, table_1, table_2, table_3, table_4

PROJECT = Path(__file__).parents[2]
RESULTS, FIRST_PAGE = PROJECT / "training" / "results", PROJECT / "README.md"
RUNS = sorted(path.parent for path in RESULTS.glob("*/config.yaml"))
REFERENCE, BOTH = "student-react_kd", "ct+fdg"
PRINTED = ("accuracy", "f1", "auc", "ece")
PHANTOMS = "Trained and tested on synthetic phantoms: says nothing about patients."


def tables_of(run: Path) -> list[Table]:
    """As the page of results has them: the paper's table of a run and REACT-KD's differences, else all metrics."""
    made = {"ablation": of_ablation, "table1": of_table1, "table2": of_table2, "table3": of_table3, "table4": of_table4}
    if run.name in made:
        return list(made[run.name](run))
    return [summarise(run, names=PRINTED, note=PHANTOMS)]


def of_ablation(run: Path) -> Iterator[Table]:
    for inputs in (BOTH, "ct"):
        for dose in ("native", "severe"):
            yield differences_from(run, inputs, dose)


def of_table1(run: Path) -> Iterator[Table]:
    yield table_1(experiment_in(run), summarise(run, names=FIVE, note=PHANTOMS), BOTH)
    for inputs in (BOTH, "ct"):
        yield differences_from(run, inputs)
    yield from of_explanations(run)
    yield loss_table(run, PHANTOMS)


def of_table2(run: Path) -> Iterator[Table]:
    experiment = experiment_in(run)
    yield table_2(experiment, summarise(run, note=PHANTOMS), REFERENCE, BOTH)
    pairs = pairs_of_parts(experiment, REFERENCE)
    for inputs, dose in product((BOTH, "ct"), ("native", "severe")):
        of_parts = {
            part: [tuple(Entry(job, inputs, dose) for job in pair) for pair in jobs] for part, jobs in pairs.items()
        }
        yield compare_parts(run, of_parts, names=("auc",), note=PHANTOMS)


def of_table3(run: Path) -> Iterator[Table]:
    yield table_3(experiment_in(run), summarise(run, note=PHANTOMS), REFERENCE)
    for inputs in (BOTH, "fdg", "ct"):
        yield differences_from(run, inputs)
    yield from of_explanations(run)


def of_table4(run: Path) -> Iterator[Table]:
    yield table_4(experiment_in(run), summarise(run, split="external", note=PHANTOMS), REFERENCE)
    of_each = [
        differences_from(run, inputs, dose, "external")
        for inputs, dose in product((BOTH, "ct"), ("native", "mild", "severe", "mixed"))
    ]
    # Each is of one pair: there is nothing to correct for.
    kept = [number for number, column in enumerate(of_each[0].columns) if column.title != "Holm"]
    columns = tuple(of_each[0].columns[number] for number in kept)
    rows = tuple(tuple(row[number] for number in kept) for table in of_each for row in table.rows)
    title = f"{REFERENCE} minus the other job, by inputs and dose (external cases)"
    yield replace(of_each[0], title=title, columns=columns, rows=rows)


def of_explanations(run: Path) -> Iterator[Table]:
    found = read_explanations(run / EXPLANATIONS)
    yield explanation_table(found, note=PHANTOMS)
    yield explanation_differences(found, note=PHANTOMS)


def differences_from(run: Path, inputs: str, dose: str = "native", split: str = "test") -> Table:
    return compare_jobs(run, Entry(REFERENCE, inputs, dose), split=split, names=("auc",), note=PHANTOMS)


def experiment_in(run: Path) -> Experiment:
    return read_experiment(str(run / "config.yaml"))


def table_of_methods() -> Table:
    """As the project's first page has it: the AUC of every network with PET and without, mean and spread over folds."""
    run = RESULTS / "table1"
    experiment, summary = experiment_in(run), summarise(run, names=("auc",))
    found = {row[:3]: row[-1] for row in summary.rows if row[5] == OVER_FOLDS}
    columns = (
        Column("method", "Method"),
        Column("job", "Network"),
        Column("both", "CT + FDG"),
        Column("ct", "CT alone"),
    )
    rows = [
        (
            method_class(settings.method).title,
            name,
            *(found[f"student-{name}", inputs, "native"] for inputs in (BOTH, "ct")),
        )
        for name, settings in experiment.students.items()
    ]
    both = found["teacher-dual", f"{BOTH}+act", "native"]
    rows += [
        ("Teacher, with acetate too", "teacher-dual", both, ""),
        ("Teacher of CT alone", "teacher-ct", "", found["teacher-ct", "ct", "native"]),
    ]
    return Table("Macro-AUC on held-out phantoms, mean ± std over three folds", columns, tuple(rows), note=PHANTOMS)


def without_remarks(table: Table) -> str:
    text = table.markdown()
    end = f"*{PHANTOMS}*"
    return text[: text.index(end) + len(end)]


def command_of(run: Path) -> list[str]:
    """That made a run, by its row in the results' README."""
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(rf"^\| `{re.escape(run.name)}` \| `reactkd-train run ([^`]+)`", text, re.MULTILINE)
    return shlex.split(command)


def changes_in(command: list[str]) -> list[str]:
    return [value for option, value in pairwise(command) if option == "--set"]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_page_prints_the_tables_that_the_saved_predictions_give(run):
    page = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert [table for table in map(without_remarks, tables_of(run)) if table not in page] == []
    assert f"| `{run.name}` |" in page


def test_the_projects_first_page_says_what_the_phantom_experiment_reached():
    table = summarise(RESULTS / "phantom", names=("auc",))
    means = {row[:3]: f"{100 * row[-1].value:.1f}" for row in table.rows if row[5] == OVER_FOLDS}
    teacher = means["teacher-dual", "ct+fdg+act", "native"]
    with_pet, ct = (means[REFERENCE, inputs, "native"] for inputs in (BOTH, "ct"))
    page = " ".join(FIRST_PAGE.read_text(encoding="utf-8").split())
    assert (
        f"teacher a macro-AUC of {teacher}, the student {with_pet} with CT and FDG PET and {ct} with CT alone" in page
    )


def test_the_projects_first_page_has_the_auc_of_every_method_that_the_saved_predictions_give():
    assert without_remarks(table_of_methods()) in FIRST_PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_run_is_of_the_experiment_that_its_command_trains_today(run):
    command = command_of(run)
    trained, today = experiment_in(run), read_experiment(command[0], changes_in(command))
    assert differences(to_tree(trained), to_tree(today), "the results") == []


def test_changes_are_read_from_the_command():
    command = shlex.split("phantom --jobs 2 --set seeds=[0,1] --set 'dose_levels=[mild]' --name other")
    assert changes_in(command) == ["seeds=[0,1]", "dose_levels=[mild]"]
