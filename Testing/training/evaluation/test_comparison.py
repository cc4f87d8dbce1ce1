import csv
import io
import json

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp
from sklearn.metrics import accuracy_score
from statsmodels.stats.multitest import multipletests

from training.evaluation.bootstrap import Resampling, compare, holm
from training.evaluation.comparison import compare_jobs, compare_parts
from training.evaluation.errors import EvaluationError
from training.evaluation.predictions import Predictions, join, read_predictions, write_predictions
from training.evaluation.run_folder import Entry

QUICK = Resampling(resamples=200, permutations=300)
REFERENCE, KD = Entry("student-react_kd", "ct", "native"), Entry("student-kd", "ct", "native")
JOBS = {"student-react_kd": 2.5, "student-kd": 1.0, "student-at": 0.0}


def rows_of(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def pooled(run, job: str, seed: int = 0) -> Predictions:
    return join(read_predictions(run / f"fold{fold}/seed{seed}/{job}/predictions.csv") for fold in range(3))


def fold_of_each(part: Predictions) -> np.ndarray:
    """Nine patients in each, by number."""
    return np.array([int(case[1:].split("_")[0]) // 9 for case in part.cases])


def differences_of_networks(run, seeds, folds=(0, 1, 2)) -> list[float]:
    """The accuracy of each of the reference's networks less that of the other job of the same seed and fold."""

    def accuracy(job: str, seed: int, fold: int) -> float:
        part = read_predictions(run / f"fold{fold}/seed{seed}/{job}/predictions.csv")
        return accuracy_score(part.labels, part.logits.argmax(1))

    pairs = [(seed, fold) for seed in seeds for fold in folds]
    return [accuracy(REFERENCE.job, *pair) - accuracy(KD.job, *pair) for pair in pairs]


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
            fold_of_each(reference),
        )["auc"]
        for job in ("student-at", "student-kd")
    ]
    assert [row["job"] for row in rows] == ["student-at", "student-kd"]
    for row, of, corrected in zip(rows, expected, holm([float(row["p"]) for row in rows]), strict=True):
        found = [float(row[key]) for key in ("difference", "difference_low", "difference_high", "p_patients", "p_holm")]
        assert found == pytest.approx([of.value, of.low, of.high, of.p, corrected])


def test_seeds_that_both_have_are_averaged(run_of):
    run = run_of(JOBS, seeds=(0, 1, 2), unfinished=[(0, 2, "student-kd")])
    (row,) = rows_of(compare_jobs(run, REFERENCE, [KD], names=("accuracy",), settings=QUICK))
    assert row["seeds"] == "0, 1"

    assert float(row["difference"]) == pytest.approx(np.mean(differences_of_networks(run, (0, 1))))


def test_over_networks_is_students_test_of_the_pairs_with_the_variance_that_folds_have_in_common(run_of):
    """Three folds, of which each holds out one case for two that it learns from."""
    run = run_of(JOBS, seeds=(0, 1))
    (row,) = rows_of(compare_jobs(run, REFERENCE, [KD], names=("accuracy",), settings=QUICK))
    differences = differences_of_networks(run, (0, 1))
    error = np.std(differences, ddof=1) * np.sqrt(1 / 6 + 1 / 2)
    mean = np.mean(differences)
    found = [float(row[key]) for key in ("over_networks", "over_networks_low", "over_networks_high", "p")]
    expected = [mean, *t.interval(0.95, 5, loc=mean, scale=error), 2 * t.sf(abs(mean) / error, 5)]
    assert found == pytest.approx(expected)


def test_seeds_of_one_fold_have_nothing_in_common_and_the_test_is_scipys(run_of):
    run = run_of(JOBS, seeds=(0, 1, 2))
    (run / "config.yaml").write_text("only_folds: [1]")
    (row,) = rows_of(compare_jobs(run, REFERENCE, [KD], names=("accuracy",), settings=QUICK))
    differences = differences_of_networks(run, (0, 1, 2), folds=(1,))
    assert float(row["p"]) == pytest.approx(ttest_1samp(differences, 0).pvalue)


def test_both_kinds_of_p_values_are_corrected_each_by_itself(run_of):
    rows = rows_of(compare_jobs(run_of(JOBS, seeds=(0, 1)), REFERENCE, names=("accuracy", "auc"), settings=QUICK))
    for metric in ("Acc", "AUC"):
        of_metric = [row for row in rows if row["metric"] == metric]
        assert len(of_metric) == 2
        for kind in ("p_patients", "p"):
            key = {"p_patients": "p_patients_holm", "p": "p_holm"}[kind]
            p_values = [float(row[kind]) for row in of_metric]
            corrected = [float(row[key]) for row in of_metric]
            assert corrected == pytest.approx(multipletests(p_values, method="holm")[1])


def test_with_one_network_of_each_nothing_is_said_of_retraining(run_of):
    run = run_of(JOBS)
    (run / "config.yaml").write_text("only_folds: [1]")
    table = compare_jobs(run, REFERENCE, names=("accuracy",), settings=QUICK)
    rows = rows_of(table)
    assert len(rows) == 2
    assert all(row["over_networks"] == row["p"] == "" for row in rows)
    p_values = [float(row["p_patients"]) for row in rows]
    corrected = [float(row["p_patients_holm"]) for row in rows]
    assert corrected == pytest.approx(multipletests(p_values, method="holm")[1])
    assert all(row["p_holm"] == "" for row in rows)
    assert "in common" not in table.remarks[0]


def test_what_folds_have_in_common_is_told_by_what_they_learn_from_and_validation_cases_are_not(run_of):
    """Nine held out and twelve learnt from, since six of the others validate."""
    run = run_of(JOBS)
    folds = [{"training": [f"case{number}" for number in range(12)]}] * 3
    (run / "splits.json").write_text(json.dumps({"folds": folds}))
    table = compare_jobs(run, REFERENCE, [KD], names=("accuracy",), settings=QUICK)
    (row,) = rows_of(table)
    differences = differences_of_networks(run, (0,))
    error = np.std(differences, ddof=1) * np.sqrt(1 / 3 + 9 / 12)
    assert float(row["p"]) == pytest.approx(2 * t.sf(abs(np.mean(differences)) / error, 2))
    assert "0.75 held-out cases for each learnt from" in table.remarks[0]


@pytest.mark.parametrize("text", ["{", '{"folds": []}', '{"folds": [{"training": []}, {}, {}]}'])
def test_splits_that_do_not_say_what_was_learnt_from_are_refused(run_of, text):
    run = run_of(JOBS)
    (run / "splits.json").write_text(text)
    with pytest.raises(EvaluationError, match=r"splits\.json"):
        compare_jobs(run, REFERENCE, settings=QUICK)


def test_a_job_without_a_complete_seed_in_common_is_named(run_of):
    run = run_of(JOBS, unfinished=[(1, 0, "student-kd"), *((fold, 0, "student-at") for fold in range(3))])
    rows = rows_of(compare_jobs(run, REFERENCE, names=("auc",), settings=QUICK))
    assert {row["job"]: row["missing"] for row in rows} == {
        "student-at": "incomplete, missing: fold 0, 1, 2 of seed 0",
        "student-kd": "incomplete, missing: fold 1 of seed 0",
    }
    assert all(row["metric"] == row["difference"] == row["p"] == "" for row in rows)


def test_where_nothing_is_missing_there_is_no_column_for_it(run_of):
    assert "missing" not in rows_of(compare_jobs(run_of(JOBS), REFERENCE, names=("auc",), settings=QUICK))[0]


def test_an_incomplete_reference_is_named_as_such(run_of):
    run = run_of(JOBS, unfinished=[(1, 0, REFERENCE.job)])
    rows = rows_of(compare_jobs(run, REFERENCE, names=("auc",), settings=QUICK))
    assert {row["missing"] for row in rows} == {"incomplete, missing: of the reference, fold 1 of seed 0"}


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
    assert "not of retraining" not in table.remarks[0]
    assert "not of means over folds" in table.remarks[0]


def test_p_values_of_one_seed_speak_of_its_networks_only_and_latex_can_print_all_of_it(run_of):
    table = compare_jobs(run_of(JOBS), REFERENCE, settings=QUICK, note="Phantoms.")
    assert "of these networks only, not of retraining" in table.remarks[0]
    assert table.latex().isascii()


FACTORIAL = {"student-ab": 2.0, "student-a": 1.5, "student-b": 0.5, "student-none": 0.0}


def with_a() -> list[tuple[Entry, Entry]]:
    names = [("student-ab", "student-b"), ("student-a", "student-none")]
    return [(Entry(one, "ct", "native"), Entry(other, "ct", "native")) for one, other in names]


def test_a_part_brings_the_mean_over_its_pairs(run_of):
    """Over patients of pooled cases, over networks of each fold and seed."""
    run = run_of(FACTORIAL, seeds=(0, 1))
    (row,) = rows_of(compare_parts(run, {"A": with_a()}, names=("accuracy",), settings=QUICK))

    def accuracy(job: str, seed: int, folds) -> float:
        parts = [read_predictions(run / f"fold{fold}/seed{seed}/{job}/predictions.csv") for fold in folds]
        return accuracy_score(
            np.concatenate([p.labels for p in parts]), np.concatenate([p.logits.argmax(1) for p in parts])
        )

    def effect(seed: int, folds) -> float:
        return np.mean([accuracy(a.job, seed, folds) - accuracy(b.job, seed, folds) for a, b in with_a()])

    assert row["pairs"] == "2"
    assert float(row["difference"]) == pytest.approx(np.mean([effect(seed, range(3)) for seed in (0, 1)]))
    of_networks = [effect(seed, [fold]) for seed in (0, 1) for fold in range(3)]
    error = np.std(of_networks, ddof=1) * np.sqrt(1 / 6 + 1 / 2)
    found = [float(row[key]) for key in ("over_networks", "over_networks_low", "over_networks_high")]
    assert found == pytest.approx([np.mean(of_networks), *t.interval(0.95, 5, loc=np.mean(of_networks), scale=error)])


def test_one_pair_is_the_difference_of_its_jobs(run_of):
    run = run_of(JOBS)
    (of_part,) = rows_of(compare_parts(run, {"Part": [(REFERENCE, KD)]}, names=("auc",), settings=QUICK))
    (of_jobs,) = rows_of(compare_jobs(run, REFERENCE, [KD], names=("auc",), settings=QUICK))
    assert of_part.items() >= {key: value for key, value in of_jobs.items() if key != "job"}.items()


def test_a_part_with_an_incomplete_job_is_named_and_has_no_numbers(run_of):
    run = run_of(FACTORIAL, unfinished=[(1, 0, "student-none")])
    (row,) = rows_of(compare_parts(run, {"A": with_a()}, settings=QUICK))
    assert row["missing"] == "incomplete, missing: of student-none, fold 1 of seed 0"
    assert row["difference"] == row["p"] == ""
