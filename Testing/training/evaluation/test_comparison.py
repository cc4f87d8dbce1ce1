import csv
import io

import numpy as np
import pytest
from scipy.stats import sem, t
from sklearn.metrics import accuracy_score

from training.evaluation.bootstrap import Resampling, compare, holm
from training.evaluation.comparison import compare_jobs
from training.evaluation.errors import EvaluationError
from training.evaluation.predictions import Predictions, join, read_predictions, write_predictions
from training.evaluation.run_folder import Entry

QUICK = Resampling(resamples=200, permutations=300)
REFERENCE = Entry("student-react_kd", "ct", "native")
JOBS = {"student-react_kd": 2.5, "student-kd": 1.0, "student-at": 0.0}


def rows_of(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def pooled(run, job: str, seed: int = 0) -> Predictions:
    return join(read_predictions(run / f"fold{fold}/seed{seed}/{job}/predictions.csv") for fold in range(3))


def test_each_job_is_compared_on_the_same_patients_and_corrected_for_all(run_of):
    run = run_of(JOBS)
    rows = rows_of(compare_jobs(run, REFERENCE, names=("auc",), settings=QUICK))
    reference = pooled(run, REFERENCE.job)
    expected = [
        compare(
            reference.labels,
            reference.probabilities(),
            pooled(run, job).probabilities(),
            reference.patients,
            ("auc",),
            QUICK,
        )["auc"]
        for job in ("student-at", "student-kd")
    ]
    assert [row["job"] for row in rows] == ["student-at", "student-kd"]
    for row, of, corrected in zip(rows, expected, holm([of.p for of in expected]), strict=True):
        found = [float(row[key]) for key in ("difference", "difference_low", "difference_high", "p", "p_holm")]
        assert found == pytest.approx([of.value, of.low, of.high, of.p, corrected])


def test_seeds_that_both_have_are_averaged(run_of):
    run = run_of(JOBS, seeds=(0, 1, 2), unfinished=[(0, 2, "student-kd")])
    other = Entry("student-kd", "ct", "native")
    (row,) = rows_of(compare_jobs(run, REFERENCE, [other], names=("accuracy",), settings=QUICK))
    assert row["seeds"] == "0, 1"

    def accuracy(job: str, seed: int) -> float:
        part = pooled(run, job, seed)
        return accuracy_score(part.labels, part.logits.argmax(1))

    differences = [accuracy(REFERENCE.job, seed) - accuracy("student-kd", seed) for seed in (0, 1)]
    mean, error = np.mean(differences), sem(differences)
    found = [float(row[key]) for key in ("difference", "over_seeds", "over_seeds_low", "over_seeds_high")]
    assert found == pytest.approx([mean, mean, *t.interval(0.95, 1, loc=mean, scale=error)])


def test_a_job_without_a_complete_seed_in_common_is_named(run_of):
    run = run_of(JOBS, unfinished=[(1, 0, "student-kd"), *((fold, 0, "student-at") for fold in range(3))])
    rows = rows_of(compare_jobs(run, REFERENCE, names=("auc",), settings=QUICK))
    assert {row["job"]: row["metric"] for row in rows} == {
        "student-at": "incomplete, missing: fold 0, 1, 2 of seed 0",
        "student-kd": "incomplete, missing: fold 1 of seed 0",
    }
    assert all(row["difference"] == row["p"] == "" for row in rows)


def test_an_incomplete_reference_is_named_as_such(run_of):
    run = run_of(JOBS, unfinished=[(1, 0, REFERENCE.job)])
    rows = rows_of(compare_jobs(run, REFERENCE, names=("auc",), settings=QUICK))
    assert {row["metric"] for row in rows} == {"incomplete, missing: of the reference, fold 1 of seed 0"}


def test_jobs_that_predicted_other_cases_are_not_compared(run_of):
    run = run_of(JOBS)
    path = run / "fold0/seed0/student-kd/predictions.csv"
    all_of_fold = read_predictions(path)
    write_predictions(path, Predictions(**{name: values[1:] for name, values in vars(all_of_fold).items()}))
    with pytest.raises(EvaluationError, match="1 are in one of them only") as caught:
        compare_jobs(run, REFERENCE, settings=QUICK)
    assert caught.value.code == "other_cases"


def test_a_job_that_the_run_does_not_have_is_refused_with_those_it_has(run_of):
    with pytest.raises(EvaluationError, match=r"no predictions of student-x .* It has: .*student-kd \(ct, native\)"):
        compare_jobs(run_of(JOBS), Entry("student-x", "ct", "native"), settings=QUICK)


def test_what_one_seed_can_say_is_said_and_with_several_it_is_not(run_of):
    table = compare_jobs(run_of(JOBS, seeds=(0, 1)), REFERENCE, names=("auc",), settings=QUICK)
    assert "retraining" not in table.remarks[0]
    assert "not of means over folds" in table.remarks[0]


def test_p_values_of_one_seed_speak_of_its_networks_only_and_latex_can_print_all_of_it(run_of):
    table = compare_jobs(run_of(JOBS), REFERENCE, settings=QUICK, note="Phantoms.")
    assert "for these networks only, not of retraining" in table.remarks[0]
    assert table.latex().isascii()
