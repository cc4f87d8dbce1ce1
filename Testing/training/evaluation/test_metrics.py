import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn
from torchmetrics.functional.classification import multiclass_calibration_error

from training.evaluation.errors import EvaluationError
from training.evaluation.metrics import METRICS, measure, measure_resamples


@st.composite
def scored(draw):
    """Labels with every class, and probabilities coarse enough to tie, sure enough to be wrong at 100 %."""
    classes = draw(st.integers(2, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, draw(st.integers(0, 40)))])
    parts = generator.multinomial(draw(st.sampled_from([4, 10, 1000])), np.ones(classes) / classes, size=len(labels))
    return labels, parts / parts.sum(1, keepdims=True)


def written_out(labels, probabilities) -> dict[str, float]:
    """By scikit-learn and torchmetrics."""
    decisions = probabilities.argmax(1)
    classes = range(probabilities.shape[1])
    each = {"average": "macro", "zero_division": 0}
    return {
        "accuracy_ovr": np.mean([sklearn.accuracy_score(labels == k, decisions == k) for k in classes]),
        "accuracy": sklearn.accuracy_score(labels, decisions),
        "balanced_accuracy": sklearn.balanced_accuracy_score(labels, decisions),
        "precision": sklearn.precision_score(labels, decisions, **each),
        "recall": sklearn.recall_score(labels, decisions, **each),
        "f1": sklearn.f1_score(labels, decisions, **each),
        "auc": np.mean([sklearn.roc_auc_score(labels == k, probabilities[:, k]) for k in classes]),
        "kappa": sklearn.cohen_kappa_score(labels, decisions, weights="quadratic"),
        "ece": multiclass_calibration_error(
            torch.tensor(probabilities), torch.tensor(labels), num_classes=probabilities.shape[1], n_bins=15
        ).item(),
        "brier": sklearn.brier_score_loss(labels, probabilities, labels=[*classes], scale_by_half=False),
        "nll": sklearn.log_loss(labels, probabilities, labels=[*classes]),
    }


@settings(deadline=None, max_examples=80)
@given(scored())
def test_every_metric_is_that_of_scikit_learn_or_torchmetrics(drawn):
    labels, probabilities = drawn
    expected = written_out(labels, probabilities)
    found = measure(labels, probabilities)
    assert list(found) == list(METRICS) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6 if name == "ece" else 1e-9), name


@settings(deadline=None, max_examples=40)
@given(scored(), st.integers(0, 2**32 - 1))
def test_a_case_that_counts_three_times_is_three_cases(drawn, seed):
    labels, probabilities = drawn
    weights = np.random.default_rng(seed).integers(0, 4, size=(5, len(labels)))
    weights[:, : labels.max() + 1] += 1  # the first cases hold every class
    found = measure_resamples(labels, probabilities, weights)
    for row, weight in enumerate(weights):
        alone = measure(np.repeat(labels, weight), np.repeat(probabilities, weight, axis=0))
        assert {name: values[row] for name, values in found.items()} == pytest.approx(alone, abs=1e-12)


def test_more_resamples_than_a_block_keep_their_order(scores):
    labels, probabilities = scores(0)
    weights = np.random.default_rng(0).integers(1, 4, size=(1100, len(labels)))
    found = measure_resamples(labels, probabilities, weights, ("auc",))["auc"]
    assert found[1030] == measure_resamples(labels, probabilities, weights[1030:1031], ("auc",))["auc"][0]


def test_perfect_predictions_reach_the_best_of_every_metric():
    labels = np.array([0, 1, 2, 2])
    found = measure(labels, np.eye(3)[labels])
    best = {name: 1.0 if metric.higher_is_better else 0.0 for name, metric in METRICS.items()}
    assert found == pytest.approx(best, abs=1e-12)


def test_an_absent_grade_is_refused_by_name():
    with pytest.raises(EvaluationError, match="No case among 2 has: Poorly differentiated") as caught:
        measure(np.array([0, 1]), np.full((2, 3), 1 / 3))
    assert caught.value.code == "class_absent"


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([0, 1, 2], [[2.0, 0, 0]] * 3, "row 0 .* does not sum to 1"),
        ([0, 1, 2], [[1, 0, 0], [np.nan, 0, 1], [0, 1, 0]], "row 1 .* not finite"),
        ([0, 1, -1], [[1, 0, 0]] * 3, r"labels lie in \[-1, 1\]"),
        ([0, 1], [[1, 0, 0]] * 3, "do not fit"),
        ([0.0, 1.0, 2.0], [[1, 0, 0]] * 3, "not integers"),
    ],
)
def test_what_are_no_labels_and_probabilities_is_refused(labels, probabilities, words):
    with pytest.raises(EvaluationError, match=words):
        measure(np.array(labels), np.array(probabilities, dtype=float))
