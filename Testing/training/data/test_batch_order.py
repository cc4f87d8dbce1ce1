from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.batch_order import EpochBatches, order

NAMES = [f"case{k}" for k in range(23)]
LABELS = {name: (None if k % 5 == 4 else 0 if k < 12 else 1 if k < 18 else 2) for k, name in enumerate(NAMES)}


def batches(size: int, *, seed: int | None = 0, rank: int = 0, ranks: int = 1, names=NAMES, epoch: int = 1):
    made = EpochBatches(names, LABELS, size, seed=seed, rank=rank, ranks=ranks)
    made.set_epoch(epoch)
    found = list(made)
    assert len(made) == len(found)
    assert {key[0] for batch in found for key in batch} == {epoch}
    return [[name for _, name in batch] for batch in found]


def test_an_epoch_holds_every_case_once_in_an_order_of_its_own():
    orders = [order(NAMES, LABELS, 0, epoch) for epoch in range(3)] + [order(NAMES, LABELS, 1, 0)]
    assert all(sorted(found) == sorted(NAMES) for found in orders)
    assert len({tuple(found) for found in orders}) == 4


def test_the_order_does_not_depend_on_how_the_names_came():
    for balanced in (False, True):
        assert order(NAMES, LABELS, 0, 3, balanced) == order(NAMES[::-1], LABELS, 0, 3, balanced)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_balanced_epoch_has_every_grade_equally_often_and_ungraded_cases_once(seed, epoch):
    found = order(NAMES, LABELS, seed, epoch, balanced=True)
    grades = Counter(LABELS[name] for name in found)
    assert len(found) == len(NAMES)
    assert grades.pop(None) == sum(label is None for label in LABELS.values())
    assert len(grades) == 3
    assert max(grades.values()) - min(grades.values()) <= 1
    times = Counter(found)
    for grade in range(3):
        of_grade = [times[name] for name in NAMES if LABELS[name] == grade]
        assert max(of_grade) - min(of_grade) <= 1


def test_an_epoch_without_any_grade_is_balanced_as_it_is():
    nothing = dict.fromkeys(NAMES)
    assert sorted(order(NAMES, nothing, 0, 0, balanced=True)) == sorted(NAMES)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_parts_of_all_processes_are_the_batch_of_one(ranks):
    whole = batches(8)
    parts = [batches(8, rank=rank, ranks=ranks) for rank in range(ranks)]
    assert [list(chain(*of_batch)) for of_batch in zip(*parts, strict=True)] == whole
    assert {len(part) for of_process in parts for part in of_process} == {8 // ranks}


def test_training_leaves_out_a_last_batch_that_is_not_full_unless_it_is_the_only_one():
    assert [len(batch) for batch in batches(8)] == [8, 8]
    assert [len(batch) for batch in batches(32)] == [23]


def test_which_cases_are_left_out_changes_with_the_epoch():
    left = {frozenset(NAMES) - frozenset(chain(*batches(8, epoch=epoch))) for epoch in range(5)}
    assert len(left) > 1


@pytest.mark.parametrize(("size", "ranks"), [(8, 1), (8, 2), (32, 4), (4, 4), (1, 1)])
def test_evaluation_keeps_every_case_once_in_the_order_given(size, ranks):
    parts = [batches(size, seed=None, rank=rank, ranks=ranks) for rank in range(ranks)]
    assert sorted(chain(*chain(*parts))) == sorted(NAMES)
    if ranks == 1:
        assert list(chain(*parts[0])) == NAMES


@pytest.mark.parametrize(
    ("names", "size", "ranks", "message"),
    [
        (NAMES, 8, 3, "a batch of 8 cannot be split over 3 processes"),
        (NAMES, 32, 2, "23 training cases, less than a batch of 32, cannot be split over 2"),
        ([], 8, 1, "no case"),
        (NAMES, 0, 1, "a batch of 0"),
    ],
)
def test_what_cannot_be_split_evenly_is_refused_in_words(names, size, ranks, message):
    with pytest.raises(ValueError, match=message):
        EpochBatches(names, LABELS, size, seed=0, ranks=ranks)
