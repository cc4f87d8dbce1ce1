import numpy as np
import pytest
import torch

from training.evaluation.errors import EvaluationError
from training.evaluation.predictions import read_predictions
from training.experiments.errors import ExperimentError
from training.report.networks import read_networks, require_one_fold

STUDENT, TEACHER, CT_TEACHER, UNFINISHED = "student-react_kd", "teacher-dual", "teacher-ct", "student-alone"


@pytest.mark.parametrize(("name", "inputs"), [(STUDENT, ("ct",)), (STUDENT, None), (TEACHER, None), (CT_TEACHER, None)])
def test_a_network_says_of_its_held_out_cases_what_the_run_kept(small_run, name, inputs):
    (of,) = read_networks(small_run, [name], 0, 0, inputs=inputs)
    with torch.inference_mode():
        logits = torch.cat([of.network(inputs).logits for _, inputs in of.batches(of.names)]).double().numpy()
    kept = read_predictions(small_run / of.job.folder / "predictions.csv")
    kept = kept.select(split="test", inputs="+".join(of.evaluation.inputs))
    order = [kept.cases.tolist().index(case) for case in of.names]
    assert len(order) == len(kept) == 3
    np.testing.assert_allclose(logits, kept.logits[order], atol=1e-6)


def test_a_teacher_is_given_what_its_branches_read(small_run):
    both, ct = read_networks(small_run, [TEACHER, CT_TEACHER], 0, 0)
    assert both.evaluation.inputs == ("ct", "fdg", "act")
    assert ct.evaluation.inputs == ("ct",)


def test_each_fold_has_the_cases_that_it_held_out_and_the_constants_of_its_own_training(small_run):
    folds = [read_networks(small_run, [STUDENT], fold, 0)[0] for fold in range(3)]
    assert len({name for of in folds for name in of.names}) == 9
    assert len({(of.cases.spec.ct_mean, of.cases.spec.ct_std) for of in folds}) == 3
    assert all(of.files.keys() >= set(of.names) for of in folds)


def test_a_job_that_is_not_done_is_named_with_those_that_are(small_run):
    with pytest.raises(ExperimentError, match="student-alone of small is not trained for fold 0") as error:
        read_networks(small_run, [UNFINISHED], 0, 0)
    assert error.value.code == "not_done"
    with pytest.raises(ExperimentError, match="fold 1") as error:
        read_networks(small_run, [STUDENT, TEACHER], 1, 0)
    assert error.value.hint == "Finish the run, or choose among: fold 0, seed 0."


def test_a_network_or_an_input_that_there_is_not_is_refused_with_what_there_is(small_run):
    with pytest.raises(ExperimentError, match="student-react") as error:
        read_networks(small_run, ["student-react"], 0, 0)
    assert STUDENT in error.value.hint
    with pytest.raises(EvaluationError, match=r"fdg\+act") as error:
        read_networks(small_run, [STUDENT], 0, 0, inputs=("fdg", "act"))
    assert "ct+fdg" in error.value.hint


def test_networks_of_two_folds_are_not_compared(small_run):
    one, other = (read_networks(small_run, [STUDENT], fold, 0)[0] for fold in (0, 1))
    assert require_one_fold({"one": one, "again": one}) is one
    with pytest.raises(EvaluationError, match="other: held out other cases than one"):
        require_one_fold({"one": one, "other": other})
