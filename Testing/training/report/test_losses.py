from collections.abc import Callable, Sequence
from dataclasses import replace
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
    teachers={},
    students={
        "kd": StudentSettings(method="kd", teacher=None),
        "alone": StudentSettings(method="alone", teacher=None),
    },
)


@pytest.fixture
def run_of(tmp_path) -> Callable[..., Path]:
    def run_of(seeds: Sequence[int] = (0,), **options) -> Path:
        run = write_run(tmp_path / "run", JOBS, seeds, **options)
        write_tree(to_tree(replace(EXPERIMENT, seeds=seeds)), run / "config.yaml")
        return run

    return run_of


def epoch(number: int, cls: float, kd: float) -> dict[str, float]:
    measures = {"gradient_norm": 10 * cls, "loss": cls + kd, "auc_ct+fdg": 0.9, "macro_auc": 0.9, "nll": 1.0}
    return {"epoch": number, "cls": cls, "kd": kd, **measures}


def keep_epochs(run: Path, job: str, seed: int, of_folds: Sequence[float]) -> None:
    """of_folds: the term kd at the end of each."""
    for fold, kd in enumerate(of_folds):
        write_history(run / f"fold{fold}/seed{seed}/{job}", [epoch(1, 50.0, 0.0), epoch(2, 1.0, kd)])


def test_shares_are_of_the_means_over_the_last_epoch_of_all_folds(run_of):
    run = run_of()
    keep_epochs(run, "student-kd", 0, (3.0, 4.0, 5.0))
    keep_epochs(run, "student-alone", 0, (1.0, 1.0, 1.0))
    table = loss_table(run)
    row, _ = table.rows
    assert row[:2] == ("student-kd", 3)
    assert [value.value for value in row[2:4]] == [5.0, 10.0]
    assert row[4] == "kd 80.0, cls 20.0"
    assert [column.key for column in table.columns][-1] == "terms"


def test_a_job_without_one_of_the_folds_has_no_numbers_and_the_fold_is_named(run_of):
    run = run_of(unfinished=[(2, 0, "student-kd")])
    keep_epochs(run, "student-kd", 0, (3.0, 4.0, 100.0))
    keep_epochs(run, "student-alone", 0, (1.0, 1.0, 1.0))
    table = loss_table(run)
    lines = {row[0]: dict(zip([column.key for column in table.columns], row, strict=True)) for row in table.rows}
    assert lines["student-kd"]["missing"] == "incomplete, missing: fold 2 of seed 0"
    assert lines["student-kd"]["networks"] == lines["student-kd"]["loss"] == lines["student-kd"]["terms"] == ""
    assert (lines["student-alone"]["networks"], lines["student-alone"]["missing"]) == (3, "")


def test_of_several_seeds_those_with_every_fold_count_and_what_is_left_out_is_named(run_of):
    run = run_of((0, 4), unfinished=[(1, 4, "student-kd")])
    for job in JOBS:
        keep_epochs(run, job, 0, (3.0, 4.0, 5.0))
        keep_epochs(run, job, 4, (50.0, 50.0, 50.0))
    kd, alone = loss_table(run).rows
    assert (kd[1], kd[2].value, kd[-1]) == (3, 5.0, "left out, missing: fold 1 of seed 4")
    assert (alone[1], alone[2].value, alone[-1]) == (6, 28.0, "")


def test_without_kept_epochs_there_is_no_table(run_of):
    assert loss_table(run_of()) is None
