"""What the documentation says of results is what the saved predictions say, and what its commands make."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from training.engine.differences import differences
from training.evaluation.comparison import compare_jobs
from training.evaluation.entries import Entry
from training.evaluation.summary import OVER_FOLDS, summarise
from training.experiments.reading import read_experiment, to_tree

TRAINING = Path(__file__).parents[2] / "training"
RUNS = sorted(path.parent for path in (TRAINING / "results").glob("*/config.yaml"))
PRINTED = ("accuracy", "f1", "auc", "ece")
PHANTOMS = "Trained and tested on synthetic phantoms: says nothing about patients."


def printed_tables(run: Path) -> list[str]:
    """As the researcher's page has them, without the remarks: of an ablation its differences, else all metrics."""
    tables = [summarise(run, names=PRINTED, note=PHANTOMS)]
    if run.name == "ablation":
        entries = [
            Entry("student-react_kd", inputs, dose) for inputs in ("ct+fdg", "ct") for dose in ("native", "severe")
        ]
        tables = [compare_jobs(run, entry, names=("auc",), note=PHANTOMS) for entry in entries]
    texts = [table.markdown() for table in tables]
    return [text[: text.index(PHANTOMS) + len(PHANTOMS)] for text in texts]


def command_of(run: Path) -> list[str]:
    """That made a run, by its row in the results' README."""
    text = (TRAINING / "results/README.md").read_text(encoding="utf-8")
    (command,) = re.findall(rf"^\| `{re.escape(run.name)}` \| `reactkd-train run ([^`]+)`", text, re.MULTILINE)
    return shlex.split(command)


def changes_in(command: list[str]) -> list[str]:
    return [value for option, value in pairwise(command) if option == "--set"]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_page_prints_the_tables_that_the_saved_predictions_give(run):
    page = (TRAINING / "README.md").read_text(encoding="utf-8")
    assert [table for table in printed_tables(run) if table not in page] == []
    assert f"`{run.name}`" in (TRAINING / "results/README.md").read_text(encoding="utf-8")


def test_the_projects_first_page_says_what_the_phantom_experiment_reached():
    table = summarise(TRAINING / "results/phantom", names=("auc",))
    means = {row[:3]: f"{100 * row[-1].value:.1f}" for row in table.rows if row[5] == OVER_FOLDS}
    teacher = means["teacher-dual", "ct+fdg+act", "native"]
    with_pet, ct = (means["student-react_kd", inputs, "native"] for inputs in ("ct+fdg", "ct"))
    page = " ".join((TRAINING.parent / "README.md").read_text(encoding="utf-8").split())
    assert (
        f"teacher a macro-AUC of {teacher}, the student {with_pet} with CT and FDG PET and {ct} with CT alone" in page
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_run_is_of_the_experiment_that_its_command_trains_today(run):
    command = command_of(run)
    trained, today = read_experiment(str(run / "config.yaml")), read_experiment(command[0], changes_in(command))
    assert differences(to_tree(trained), to_tree(today), "the results") == []


def test_changes_are_read_from_the_command():
    command = shlex.split("phantom --jobs 2 --set seeds=[0,1] --set 'dose_levels=[mild]' --name other")
    assert changes_in(command) == ["seeds=[0,1]", "dose_levels=[mild]"]
