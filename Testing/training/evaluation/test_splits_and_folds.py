import csv
import io

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from training.evaluation.bootstrap import Resampling
from training.evaluation.comparison import compare_jobs
from training.evaluation.errors import EvaluationError
from training.evaluation.predictions import join, read_predictions
from training.evaluation.run_folder import Entry, read_run
from training.evaluation.summary import summarise
from training.experiments.jobs import jobs_of
from training.experiments.reading import read_experiment, shipped_names, to_tree, write_tree

QUICK = Resampling(resamples=200, permutations=200)
SUMMARY = {"names": ("accuracy", "auc"), "settings": QUICK}
JOBS = {"student-kd": 1.0, "student-at": 0.5}


def rows_of(table, job: str = "student-kd") -> list[dict[str, str]]:
    return [row for row in csv.DictReader(io.StringIO(table.csv())) if row["job"] == job]


def accuracies(run, folds, split: str = "test") -> list[float]:
    parts = [read_predictions(run / f"fold{f}/seed0/student-kd/predictions.csv").select(split=split) for f in folds]
    return [accuracy_score(part.labels, part.logits.argmax(1)) for part in parts]


@pytest.fixture
def asked(run_of):
    """A run that was asked for these folds, of which only they are finished."""

    def asked(folds: list[int] | None, **options):
        unfinished = [(fold, 0, job) for fold in range(3) for job in JOBS if folds is not None and fold not in folds]
        run = run_of(JOBS, unfinished=unfinished, **options)
        (run / "config.yaml").write_text(f"folds: 3\nonly_folds: {'null' if folds is None else folds}\n")
        return run

    return asked


def test_one_fold_has_its_numbers_and_says_which_it_is(asked):
    run = asked([1])
    table = summarise(run, **SUMMARY)
    (row,) = rows_of(table)
    assert row["estimate"] == "pooled [95% interval] (fold 1 only)"
    assert row["cases"] == "9 of 27"
    assert float(row["accuracy"]) == pytest.approx(accuracies(run, [1])[0])
    assert float(row["accuracy_low"]) < float(row["accuracy"]) < float(row["accuracy_high"])
    assert "The run was asked to train fold 1 only, of 3 folds." in table.remarks[0]


def test_some_folds_have_a_spread_too(asked):
    run = asked([2, 0])
    over_folds, pooled = rows_of(summarise(run, **SUMMARY))
    found = accuracies(run, [0, 2])
    assert over_folds["estimate"] == "mean ± std over folds (folds 0, 2 only)"
    assert float(over_folds["accuracy_std"]) == pytest.approx(np.std(found, ddof=1))
    assert pooled["cases"] == "18 of 27"
    parts = [read_predictions(run / f"fold{fold}/seed0/student-kd/predictions.csv") for fold in (0, 2)]
    together = join(parts)
    assert float(pooled["accuracy"]) == pytest.approx(accuracy_score(together.labels, together.logits.argmax(1)))


def test_a_comparison_of_one_fold_says_so(asked):
    table = compare_jobs(asked([1]), Entry("student-kd", "ct", "native"), names=("auc",), settings=QUICK)
    assert "fold 1 only" in table.title
    assert rows_of(table, "student-at")[0]["difference"]


def test_a_fold_that_was_asked_for_and_is_missing_makes_a_job_incomplete(run_of):
    run = run_of(JOBS, unfinished=[(2, 0, "student-kd"), (1, 0, "student-kd")])
    (run / "config.yaml").write_text("only_folds: [0, 2]\n")
    (row,) = rows_of(summarise(run, **SUMMARY))
    assert row["estimate"] == "incomplete, missing: fold 2 of seed 0"


def test_a_run_of_all_folds_is_as_one_without_a_configuration(asked):
    run = asked(None)
    with_it = summarise(run, **SUMMARY)
    (run / "config.yaml").unlink()
    assert summarise(run, **SUMMARY) == with_it
    assert read_run(run).only_folds == ""


@pytest.mark.parametrize("text", ["only_folds: [0, 3]", "only_folds: []", "only_folds: x", "- a", "a: ["])
def test_a_configuration_that_asks_for_no_fold_of_the_run_is_refused(run_of, text):
    run = run_of(JOBS)
    (run / "config.yaml").write_text(text)
    with pytest.raises(EvaluationError, match=r"config\.yaml") as caught:
        summarise(run, **SUMMARY)
    assert caught.value.code == "bad_run"


def test_validation_cases_are_measured_by_fold_and_never_pooled(asked):
    run = asked(None, others={"validation": [f"p{number}_0" for number in range(50, 59)]})
    table = summarise(run, split="validation", **SUMMARY)
    (row,) = rows_of(table)
    found = accuracies(run, range(3), "validation")
    assert row["estimate"] == "mean ± std over folds"
    assert float(row["accuracy"]) == pytest.approx(np.mean(found))
    assert float(row["accuracy_std"]) == pytest.approx(np.std(found, ddof=1))
    assert "too good" in table.remarks[0]


def test_jobs_are_not_compared_on_validation_cases(asked):
    with pytest.raises(EvaluationError, match="chose the epoch") as caught:
        compare_jobs(asked(None), Entry("student-kd", "ct", "native"), split="validation", settings=QUICK)
    assert caught.value.code == "bad_split"


def test_jobs_and_seeds_that_nobody_has_begun_are_incomplete_and_not_forgotten(run_of):
    run = run_of(JOBS)
    (run / "config.yaml").write_text("seeds: [0, 5]\nteachers: {dual: {}}\nstudents: {kd: {}, at: {}, later: {}}\n")
    table = summarise(run, **SUMMARY)
    for job in ("student-later", "teacher-dual"):
        (row,) = rows_of(table, job)
        assert (row["estimate"], row["accuracy"]) == ("incomplete, missing: fold 0, 1, 2 of seed 0, 5", "")
    assert rows_of(table)[-1]["estimate"] == "left out, missing: fold 0, 1, 2 of seed 5"
    compared = compare_jobs(run, Entry("student-kd", "ct", "native"), names=("auc",), settings=QUICK)
    (row,) = rows_of(compared, "student-later")
    assert (row["missing"], row["p"]) == ("incomplete, missing: fold 0, 1, 2 of seed 0, 5", "")


@pytest.mark.parametrize("name", shipped_names())
def test_the_jobs_that_a_run_was_asked_for_are_those_that_its_experiment_trains(run_of, name):
    experiment = read_experiment(name)
    first = jobs_of(experiment)[0]
    run = run_of({first.folder.name: 1.0}, seeds=experiment.seeds)
    write_tree(to_tree(experiment), run / "config.yaml")
    found = read_run(run)
    asked = {(job.folder.name, job.seed) for job in jobs_of(experiment)}
    assert {(entry.job, seed) for entry in found.entries for seed in found.seeds} == asked
