"""Inputs that a few cases have, such as FDG in a mixed cohort: there may be no case of some grade among them."""

import csv
import io

import pytest
from sklearn.metrics import accuracy_score

from training.evaluation.bootstrap import Resampling, holm
from training.evaluation.comparison import compare_jobs
from training.evaluation.errors import EvaluationError
from training.evaluation.metrics import measure
from training.evaluation.predictions import join, read_predictions
from training.evaluation.run_folder import Entry
from training.evaluation.summary import summarise

QUICK = Resampling(resamples=200, permutations=200)
SUMMARY = {"names": ("accuracy", "auc"), "settings": QUICK}
JOBS = {"student-kd": 1.0, "student-at": 0.5}
WELL_OR_MODERATE = [f"p{number}_0" for number in range(27) if number % 3 < 2]
WITHOUT_POOR_IN_FOLD_1 = [f"p{number}_0" for number in range(27) if not (9 <= number < 18 and number % 3 == 2)]
NOT_IN_FOLD_2 = [f"p{number}_0" for number in range(18)]
UNDEFINED = "not defined: no case of grade poorly differentiated"


def rows_of(table, inputs: str = "fdg", job: str = "student-kd") -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(table.csv()))
    return [row for row in rows if row["job"] == job and row["inputs"] == inputs]


@pytest.fixture
def mixed(run_of):
    """A run in which these cases only have FDG."""
    return lambda cases, **options: run_of(JOBS, inputs=("ct", "fdg"), only={"fdg": cases}, **options)


def test_inputs_without_a_case_of_some_grade_are_named_and_the_others_have_their_numbers(mixed):
    table = summarise(mixed(WELL_OR_MODERATE), **SUMMARY)
    (row,) = rows_of(table)
    assert (row["estimate"], row["cases"], row["accuracy"], row["auc"]) == (UNDEFINED, "18 of 27", "", "")
    assert all(line["auc"] for line in rows_of(table, "ct"))


def test_a_fold_without_a_grade_has_no_mean_over_folds_but_counts_among_the_pooled_cases(mixed):
    run = mixed(WITHOUT_POOR_IN_FOLD_1)
    over_folds, pooled = rows_of(summarise(run, **SUMMARY))
    assert over_folds["estimate"] == (
        "mean ± std over folds, not defined: no case of grade poorly differentiated in fold 1"
    )
    assert over_folds["accuracy"] == ""
    parts = [read_predictions(run / f"fold{fold}/seed0/student-kd/predictions.csv") for fold in range(3)]
    everything = join(part.select(inputs="fdg") for part in parts)
    assert float(pooled["accuracy"]) == pytest.approx(accuracy_score(everything.labels, everything.logits.argmax(1)))
    assert pooled["cases"] == "24 of 27"


def test_a_fold_of_which_no_case_has_the_inputs_is_not_taken_for_a_missing_one(mixed):
    over_folds, pooled = rows_of(summarise(mixed(NOT_IN_FOLD_2, seeds=(0, 1)), **SUMMARY))[:2]
    assert over_folds["estimate"] == "mean ± std over folds, not defined: no case in fold 2"
    assert pooled["cases"] == "18 of 27"
    assert pooled["auc"]


def test_an_external_cohort_and_validation_cases_may_lack_a_grade_too(run_of):
    run = run_of(JOBS, others={"external": ["p30_0", "p31_0"], "validation": ["p30_0", "p33_0"]})
    (external,) = rows_of(summarise(run, split="external", **SUMMARY), "ct")
    assert external["estimate"] == UNDEFINED
    (validation,) = rows_of(summarise(run, split="validation", **SUMMARY), "ct")
    assert validation["estimate"] == "not defined: no case of grade moderately differentiated, poorly differentiated"


def test_nothing_is_compared_without_a_case_of_every_grade_and_the_remark_says_so(mixed):
    table = compare_jobs(mixed(WELL_OR_MODERATE), Entry("student-kd", "fdg", "native"), settings=QUICK)
    assert table.rows == ()
    assert "student-at (fdg, native) has no case of grade poorly differentiated" in table.remarks[-1]


def test_those_left_out_do_not_count_in_the_correction(mixed):
    run = mixed(WELL_OR_MODERATE)
    reference, others = Entry("student-kd", "ct", "native"), [Entry(job, "ct", "native") for job in ("student-at",)]
    others.append(Entry("student-at", "fdg", "native"))
    table = compare_jobs(run, reference, others, names=("auc",), settings=QUICK)
    (row,) = csv.DictReader(io.StringIO(table.csv()))
    assert row["inputs"] == "ct"
    assert float(row["p_holm"]) == pytest.approx(holm([float(row["p"])])[0])
    assert table.remarks[-1].startswith("Left out")


def test_the_metrics_themselves_refuse_such_cases(predicted):
    part = predicted(WELL_OR_MODERATE, 0)
    with pytest.raises(EvaluationError) as caught:
        measure(part.labels, part.probabilities())
    assert caught.value.code == "class_absent"
