from pathlib import Path

import pytest

from Testing.training.evaluation.made_runs import write_run
from training.engine.history import write_history
from training.engine.settings import StudentSettings
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.reading import to_tree, write_tree
from training.report.losses import loss_table

JOBS = {"student-kd": 1.0, "student-alone": 1.0}
EXPERIMENT = Experiment(
    phantoms=PhantomCohort(count=27),
    students={
        "kd": StudentSettings(method="kd", teacher=None),
        "alone": StudentSettings(method="alone", teacher=None),
    },
)


@pytest.fixture
def run(tmp_path) -> Path:
    """Of the first student two of three folds are done."""
    run = write_run(tmp_path / "run", JOBS, unfinished=[(2, 0, "student-kd")])
    write_tree(to_tree(EXPERIMENT), run / "config.yaml")
    return run


def epoch(number: int, cls: float, kd: float) -> dict[str, float]:
    measures = {"gradient_norm": 10 * cls, "loss": cls + kd, "auc_ct+fdg": 0.9, "macro_auc": 0.9, "nll": 1.0}
    return {"epoch": number, "cls": cls, "kd": kd, **measures}


def test_shares_are_of_the_means_over_the_last_epoch_of_finished_networks(run):
    for fold, kd in enumerate((3.0, 5.0, 100.0)):
        write_history(run / f"fold{fold}/seed0/student-kd", [epoch(1, 50.0, 0.0), epoch(2, 1.0, kd)])
    (row,) = loss_table(run).rows
    assert row[:2] == ("student-kd", 2)
    assert [value.value for value in row[2:4]] == [5.0, 10.0]
    assert row[4] == "kd 80.0, cls 20.0"


def test_without_kept_epochs_there_is_no_table(run):
    assert loss_table(run) is None
