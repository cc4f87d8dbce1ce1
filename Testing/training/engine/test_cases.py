from dataclasses import replace

import pytest

from Testing.training.engine.tiny import batch_of, optimisation
from training.data.draws import DrawSettings, Evaluation
from training.engine.errors import TrainingError


def names_of(steps, epoch: int) -> list[list[tuple[str, ...]]]:
    return [[batch.names for batch in parts] for parts in steps.of(epoch)]


def test_an_epoch_is_the_same_whenever_it_is_asked_for_and_another_is_not(fabric, cases):
    steps = cases.steps(fabric, cases.training, DrawSettings(), optimisation(), 0)
    first, second = names_of(steps, 0), names_of(steps, 1)
    assert len(first) == steps.count == 3
    assert sorted(name for parts in first for names in parts for name in names) == sorted(cases.training)
    assert names_of(steps, 0) == first
    assert second != first


def test_a_batch_comes_in_its_parts(fabric, cases):
    steps = cases.steps(fabric, cases.training, DrawSettings(), optimisation(batch_size=4, accumulate=2), 0)
    assert [[len(names) for names in parts] for parts in names_of(steps, 0)] == [[2, 2]]
    assert steps.count == 1


def test_parts_of_no_whole_batch_are_left_out(fabric, cases):
    cases = replace(cases, training=cases.training[:5])
    steps = cases.steps(fabric, cases.training, DrawSettings(), optimisation(batch_size=2, accumulate=2), 0)
    assert len(names_of(steps, 0)) == steps.count == 2


def test_no_case_is_no_training(fabric, cases):
    with pytest.raises(TrainingError, match="no case") as caught:
        cases.steps(fabric, (), DrawSettings(), optimisation(), 0)
    assert caught.value.code == "batch_size"


def test_cases_that_have_an_input_are_found_in_the_cache(cases):
    without = [name for name in cases.test if "fdg" not in cases.cache.read(name).images]
    assert without
    assert cases.having(cases.test, ("ct", "fdg")) == cases.test
    assert cases.having(cases.test, ("fdg",)) == tuple(name for name in cases.test if name not in without)


def test_an_evaluation_gives_all_cases_in_their_order(cases):
    found = list(cases.batches(cases.validation, Evaluation(inputs=("ct",), level="mild"), "cpu", 2))
    assert [name for batch in found for name in batch.names] == list(cases.validation)
    native = batch_of(cases, cases.validation[:2])
    assert not found[0].images["ct"].equal(native.images["ct"])
    assert "fdg" not in found[0].present
