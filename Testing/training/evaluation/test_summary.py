import csv
import io
import json
import shutil

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from training.evaluation.bootstrap import Resampling
from training.evaluation.calibration import fit_temperature
from training.evaluation.errors import EvaluationError
from training.evaluation.predictions import Predictions, join, read_predictions, write_predictions
from training.evaluation.summary import AS_TRAINED, CALIBRATED, summarise

QUICK = Resampling(resamples=200, permutations=200)
VALIDATING = [f"p{number}_0" for number in range(100, 130)]
SUMMARY = {"names": ("accuracy", "auc"), "settings": QUICK}


def rows_of(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def test_folds_and_pooled_cases_give_what_their_files_say(run_of):
    run = run_of({"student-kd": 1.0})
    over_folds, pooled = rows_of(summarise(run, **SUMMARY))
    parts = [read_predictions(run / f"fold{fold}/seed0/student-kd/predictions.csv") for fold in range(3)]
    of_folds = [accuracy_score(part.labels, part.logits.argmax(1)) for part in parts]
    assert float(over_folds["accuracy"]) == pytest.approx(np.mean(of_folds))
    assert float(over_folds["accuracy_std"]) == pytest.approx(np.std(of_folds, ddof=1))
    # The folds are alike in size and grades: as many pairs of cases are in each.
    macro = np.mean([roc_auc_score(part.labels, part.probabilities(), multi_class="ovr") for part in parts])
    assert float(pooled["auc"]) == pytest.approx(macro)
    assert float(pooled["auc_low"]) < macro < float(pooled["auc_high"])
    assert pooled["cases"] == over_folds["cases"] == "27 of 27"


def test_probabilities_have_the_temperature_of_the_networks_own_validation_cases(run_of):
    """As an exported network's have."""
    run = run_of({"student-kd": 2.0}, others={"validation": VALIDATING})
    _, pooled = rows_of(table := summarise(run, names=("nll",), settings=QUICK))
    parts = [read_predictions(run / f"fold{fold}/seed0/student-kd/predictions.csv") for fold in range(3)]
    likelihoods = []
    for part in parts:
        chosen, held_out = part.select(split="validation"), part.select(split="test")
        probabilities = held_out.probabilities(fit_temperature(chosen.labels, chosen.logits))
        likelihoods += probabilities[range(len(held_out)), held_out.labels].tolist()
    assert float(pooled["nll"]) == pytest.approx(-np.mean(np.log(likelihoods)))
    assert CALIBRATED in table.remarks[0]


@pytest.mark.parametrize("others", [{}, {"validation": VALIDATING[:2]}], ids=["none", "no case of a grade"])
def test_without_validation_cases_of_every_grade_probabilities_are_as_trained(run_of, others):
    run = run_of({"student-kd": 2.0}, others=others)
    _, pooled = rows_of(table := summarise(run, names=("nll",), settings=QUICK))
    found = join(
        read_predictions(run / f"fold{f}/seed0/student-kd/predictions.csv").select(split="test") for f in range(3)
    )
    assert float(pooled["nll"]) == pytest.approx(log_loss(found.labels, found.probabilities()))
    assert AS_TRAINED in table.remarks[0]


def test_held_out_cases_that_chose_the_epoch_do_not_fit_a_temperature_too(run_of):
    run = run_of({"student-kd": 2.0})
    for path in run.rglob("predictions.csv"):
        held_out = read_predictions(path)
        twice = {name: np.concatenate([of, of]) for name, of in vars(held_out).items()}
        twice["split"] = np.repeat(["test", "validation"], len(held_out))
        write_predictions(path, Predictions(**twice))
    assert AS_TRAINED in summarise(run, names=("nll",), settings=QUICK).remarks[0]


def test_each_job_and_each_input_has_its_lines(run_of):
    rows = rows_of(summarise(run_of({"teacher-dual": 3.0, "student-kd": 0.5}, inputs=("ct", "ct+fdg")), **SUMMARY))
    assert {(row["job"], row["inputs"]) for row in rows} == {
        (job, inputs) for job in ("teacher-dual", "student-kd") for inputs in ("ct", "ct+fdg")
    }
    assert len(rows) == 8


def test_several_seeds_add_a_t_interval_over_seeds(run_of):
    run = run_of({"student-kd": 1.0}, seeds=(0, 1, 4))
    _, pooled, over_seeds = rows_of(summarise(run, **SUMMARY))
    values = []
    for seed in (0, 1, 4):
        parts = [read_predictions(run / f"fold{fold}/seed{seed}/student-kd/predictions.csv") for fold in range(3)]
        everything = join(parts)
        values.append(accuracy_score(everything.labels, everything.logits.argmax(1)))
    low, high = t.interval(0.95, 2, loc=np.mean(values), scale=np.std(values, ddof=1) / np.sqrt(3))
    found = [float(over_seeds[key]) for key in ("accuracy", "accuracy_low", "accuracy_high")]
    assert found == pytest.approx([np.mean(values), low, high])
    assert over_seeds["estimate"] == "mean over seeds [95% t interval]"
    assert float(pooled["accuracy"]) == pytest.approx(np.mean(values))


def test_a_job_with_a_missing_fold_is_named_and_has_no_numbers(run_of):
    run = run_of({"student-kd": 1.0, "student-at": 1.0}, unfinished=[(1, 0, "student-at")])
    of_at = [row for row in rows_of(summarise(run, **SUMMARY)) if row["job"] == "student-at"]
    assert [row["estimate"] for row in of_at] == ["incomplete, missing: fold 1 of seed 0"]
    assert of_at[0]["accuracy"] == of_at[0]["auc"] == ""


def test_a_job_that_finished_nowhere_is_named_too(run_of):
    run = run_of({"student-kd": 1.0, "student-at": 1.0}, unfinished=[(fold, 0, "student-at") for fold in range(3)])
    estimates = [row["estimate"] for row in rows_of(summarise(run, **SUMMARY)) if row["job"] == "student-at"]
    assert estimates == ["incomplete, missing: fold 0, 1, 2 of seed 0"]


def test_a_seed_with_a_missing_fold_is_left_out_and_named(run_of):
    run = run_of({"student-kd": 1.0}, seeds=(0, 1), unfinished=[(2, 1, "student-kd")])
    rows = rows_of(summarise(run, **SUMMARY))
    assert [row["seeds"] for row in rows] == ["0", "0", ""]
    assert rows[-1]["estimate"] == "left out, missing: fold 2 of seed 1"


def test_predictions_of_cases_that_the_fold_learnt_from_are_refused(run_of):
    run = run_of({"student-kd": 1.0})
    shutil.copy(run / "fold1/seed0/student-kd/predictions.csv", run / "fold0/seed0/student-kd/predictions.csv")
    with pytest.raises(EvaluationError, match=r"student-kd \(ct, native\) in fold 0 predicts 9 cases") as caught:
        summarise(run, **SUMMARY)
    assert caught.value.code == "not_held_out"


def test_a_run_without_folds_or_without_predictions_says_so(run_of, tmp_path):
    with pytest.raises(EvaluationError, match=r"folds\.json cannot be read"):
        summarise(tmp_path, **SUMMARY)
    run = run_of({"student-kd": 1.0})
    with pytest.raises(EvaluationError, match="predictions of the split 'validation'"):
        summarise(run, split="validation", **SUMMARY)
    (run / "folds.json").write_text(json.dumps({"validation": [["p0_0"]]}))
    with pytest.raises(EvaluationError):
        summarise(run, **SUMMARY)


def test_the_note_is_printed_in_every_format(run_of):
    table = summarise(run_of({"student-kd": 1.0}), note="Phantoms only.", **SUMMARY)
    for text in (table.markdown(), table.csv(), table.latex()):
        assert "Phantoms only." in text
