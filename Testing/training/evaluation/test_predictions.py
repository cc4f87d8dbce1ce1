from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.evaluation.errors import EvaluationError
from training.evaluation.predictions import COLUMNS, Predictions, join, read_predictions, write_predictions

HEADER = ",".join(COLUMNS) + "\n"
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
"""Commas and quotes too."""
LINE = "a,p,test,ct,native,1,0.5,1.5,-2\n"


def assert_equal(one: Predictions, other: Predictions) -> None:
    for field in fields(Predictions):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


@settings(deadline=None)
@given(
    st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=5, unique_by=lambda facts: facts[0]),
    st.randoms(use_true_random=False),
    arrays(float, (5, 3), elements=st.floats(-1e9, 1e9)),
)
def test_predictions_come_back_from_their_file_to_the_last_bit(tmp_path_factory, facts, random, logits):
    path = tmp_path_factory.mktemp("job") / "predictions.csv"
    cases, patients, split, inputs, dose = (np.array(values) for values in zip(*facts, strict=True))
    labels = np.array([random.randrange(3) for _ in facts])
    written = Predictions(cases, patients, labels, logits[: len(facts)], split, inputs, dose)
    write_predictions(path, written)
    assert_equal(read_predictions(path), written)
    assert [file.name for file in path.parent.iterdir()] == ["predictions.csv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the column case, .* is missing"),
        (HEADER.replace("dose,", "") + LINE, "column dose is missing"),
        (HEADER, "no prediction follows"),
        (HEADER + LINE + "b,p,test,ct,native,3,0,0,0\n", "line 3, column label: '3' is no grade"),
        (HEADER + LINE + "b,p,test,ct,native,1,0,nan,0\n", "line 3, column logit_1: 'nan' is not a finite number"),
        (HEADER + LINE + "b,p,test,ct,native,1,0,x,0\n", "line 3, column logit_1: 'x' is not"),
        (HEADER + LINE + "b,,test,ct,native,1,0,0,0\n", "line 3, column patient: '' is empty"),
        (HEADER + LINE + "b,p,test,ct,native,1,0\n", "line 3: it has fewer cells"),
        (HEADER + LINE + LINE.strip() + ",7\n", "line 3: it has more cells"),
        (HEADER + LINE + LINE, "line 3, column case: line 2 has the same case"),
    ],
)
def test_a_damaged_file_is_refused_with_line_and_column(tmp_path, text, words):
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=words) as caught:
        read_predictions(path)
    assert caught.value.code == "bad_predictions"


def test_a_file_that_is_not_there_or_cannot_be_written_says_so(tmp_path, predicted):
    with pytest.raises(EvaluationError, match="There are no predictions"):
        read_predictions(tmp_path / "predictions.csv")
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_predictions(tmp_path / "absent" / "predictions.csv", predicted(["p0_0"], seed=0))


def test_selecting_takes_what_has_all_the_values(predicted):
    names = ["p0_0", "p1_0"]
    both = join([predicted(names, 0), predicted(names, 1, inputs="ct+fdg"), predicted(names, 2, split="validation")])
    assert len(both) == 6
    assert len(both.select(split="test")) == 4
    assert_equal(both.select(split="test", inputs="ct+fdg"), predicted(names, 1, inputs="ct+fdg"))
    assert len(both.select(dose="severe")) == 0


def test_probabilities_follow_the_temperature(predicted):
    one = predicted(["p0_0", "p1_0"], 0)
    ratio = np.log(one.probabilities(2.0)[:, 0] / one.probabilities(2.0)[:, 1])
    np.testing.assert_allclose(ratio, (one.logits[:, 0] - one.logits[:, 1]) / 2)


def test_joined_folds_are_ordered_by_case_whatever_their_order(predicted, folds):
    parts = [predicted(names, seed) for seed, names in enumerate(folds)]
    assert_equal(join(parts), join(parts[::-1]))
    assert list(join(parts).cases) == sorted(name for names in folds for name in names)


def test_a_case_of_two_folds_is_refused(predicted):
    with pytest.raises(EvaluationError, match="More than one fold predicts: p1_0") as caught:
        join([predicted(["p0_0", "p1_0"], 0), predicted(["p1_0"], 1)])
    assert caught.value.code == "repeated_case"


def test_missing_cases_are_named(predicted):
    with pytest.raises(EvaluationError, match="No fold predicts: p2_0, p4_0"):
        join([predicted(["p0_0", "p1_0"], 0)], expected=["p0_0", "p1_0", "p2_0", "p4_0"])


def test_a_case_with_two_labels_is_refused(predicted):
    other = predicted(["p1_0"], 1, inputs="ct+fdg")
    with pytest.raises(EvaluationError, match="patient or label is not the same everywhere for: p1_0"):
        join([predicted(["p0_0", "p1_0"], 0), Predictions(**{**vars(other), "labels": np.array([2])})])
