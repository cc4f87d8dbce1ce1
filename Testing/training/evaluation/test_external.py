import csv
import io

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import accuracy_score, roc_auc_score

from training.evaluation.bootstrap import Resampling, bootstrap, compare
from training.evaluation.comparison import compare_jobs
from training.evaluation.errors import EvaluationError
from training.evaluation.predictions import Predictions, read_predictions, write_predictions
from training.evaluation.run_folder import Entry, has_predicted
from training.evaluation.summary import summarise

QUICK = Resampling(resamples=200, permutations=200)
SUMMARY = {"names": ("accuracy", "auc"), "settings": QUICK, "split": "external"}
ELSEWHERE = [f"p{number}_0" for number in range(100, 112)]
OTHERS = {"external": ELSEWHERE}
SEEDS = (0, 1)


def rows_of(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def networks(run, job: str = "student-kd", seeds=SEEDS) -> list[list[Predictions]]:
    """By seed, then fold."""
    return [
        [read_predictions(run / f"fold{fold}/seed{seed}/{job}/predictions.csv").select(split="external").ordered()
         for fold in range(3)]
        for seed in seeds
    ]  # fmt: skip


def accuracies(parts: list[list[Predictions]]) -> np.ndarray:
    return np.array([[accuracy_score(part.labels, part.logits.argmax(1)) for part in folds] for folds in parts])


def test_every_network_counts_by_itself_on_the_same_patients(run_of):
    run = run_of({"student-kd": 1.0}, seeds=SEEDS, others=OTHERS)
    over_folds, over_networks, over_seeds = rows_of(summarise(run, **SUMMARY))
    parts = networks(run)
    found = accuracies(parts)
    assert float(over_folds["accuracy"]) == pytest.approx(found.mean())
    assert float(over_folds["accuracy_std"]) == pytest.approx(found.mean(0).std(ddof=1))
    everyone = [part for folds in parts for part in folds]
    aucs = [roc_auc_score(part.labels, part.probabilities(), multi_class="ovr") for part in everyone]
    assert over_networks["estimate"] == "mean over networks [95% interval]"
    assert float(over_networks["auc"]) == pytest.approx(np.mean(aucs))
    scores = np.stack([part.probabilities() for part in everyone])
    expected = bootstrap(everyone[0].labels, scores, everyone[0].patients, ("auc",), QUICK)["auc"]
    limits = [float(over_networks[key]) for key in ("auc_low", "auc_high")]
    assert limits == pytest.approx([expected.low, expected.high])
    means = found.mean(1)
    interval = t.interval(0.95, 1, loc=means.mean(), scale=means.std(ddof=1) / np.sqrt(2))
    limits = [float(over_seeds[key]) for key in ("accuracy_low", "accuracy_high")]
    assert limits == pytest.approx(interval)
    assert {row["cases"] for row in (over_folds, over_networks, over_seeds)} == {"12 of 12"}


def test_the_remarks_say_that_no_case_was_learnt_from_and_that_it_is_no_ensemble(run_of):
    table = summarise(run_of({"student-kd": 1.0}, others=OTHERS), **SUMMARY)
    assert "from which no network has learnt" in table.remarks[0]
    assert "not of an ensemble" in table.remarks[0]
    assert "Pooled" not in table.remarks[0]


def test_two_jobs_are_compared_over_all_their_networks(run_of):
    run = run_of({"student-kd": 1.0, "student-at": 0.0}, seeds=SEEDS, others=OTHERS)
    table = compare_jobs(run, Entry("student-kd", "ct", "native"), names=("auc",), settings=QUICK, split="external")
    (row,) = rows_of(table)
    first, second = ([part for folds in networks(run, job) for part in folds] for job in ("student-kd", "student-at"))
    scores = [np.stack([part.probabilities() for part in parts]) for parts in (first, second)]
    expected = compare(first[0].labels, *scores, first[0].patients, ("auc",), QUICK)["auc"]
    found = [float(row[key]) for key in ("difference", "difference_low", "difference_high", "p_patients")]
    assert found == pytest.approx([expected.value, expected.low, expected.high, expected.p])
    aucs = [[roc_auc_score(p.labels, p.probabilities(), multi_class="ovr") for p in parts] for parts in (first, second)]
    of_networks = np.subtract(*aucs)
    half = t.ppf(0.975, len(of_networks) - 1) * of_networks.std(ddof=1) * np.sqrt(1 / len(of_networks) + 1 / 2)
    assert float(row["over_networks_high"]) - float(row["over_networks"]) == pytest.approx(half)


def test_a_job_that_has_not_met_the_external_cohort_yet_is_incomplete(run_of):
    run = run_of({"student-kd": 1.0, "student-at": 1.0}, others=OTHERS)
    path = run / "fold1/seed0/student-at/predictions.csv"
    write_predictions(path, read_predictions(path).select(split="test"))
    estimates = [row["estimate"] for row in rows_of(summarise(run, **SUMMARY)) if row["job"] == "student-at"]
    assert estimates == ["incomplete, missing: fold 1 of seed 0"]
    assert not has_predicted(path.parent, "external")
    assert has_predicted(path.parent, "test")
    assert has_predicted(run / "fold0/seed0/student-at", "external")


def test_a_case_of_the_own_cohort_among_the_external_ones_is_refused(run_of, folds):
    run = run_of({"student-kd": 1.0}, others={"external": [*ELSEWHERE, folds[1][0]]})
    with pytest.raises(EvaluationError, match="predicts 1 cases of its own cohort, such as p9_0") as caught:
        summarise(run, **SUMMARY)
    assert caught.value.code == "not_held_out"


def test_networks_that_predicted_other_external_cases_are_not_averaged(run_of):
    run = run_of({"student-kd": 1.0}, others=OTHERS)
    path = run / "fold2/seed0/student-kd/predictions.csv"
    everything = read_predictions(path)
    kept = everything.cases != ELSEWHERE[0]
    write_predictions(path, Predictions(**{name: values[kept] for name, values in vars(everything).items()}))
    with pytest.raises(EvaluationError, match=r"networks of student-kd .* did not predict the same cases") as caught:
        summarise(run, **SUMMARY)
    assert caught.value.code == "other_cases"
