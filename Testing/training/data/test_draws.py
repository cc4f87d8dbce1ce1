import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from training.data.draws import (
    AugmentationSettings,
    CaseDraw,
    CaseFacts,
    DrawSettings,
    Evaluation,
    ModalitySettings,
    PerturbationSettings,
    RegionDraw,
    draw,
    no_draw,
)
from training.data.transforms import IDENTITY

from .made_cases import cached_case, label_map

FACTS = CaseFacts(("ct", "fdg", "act"), ("native", "mild", "severe"), (2, 3, 4))
BOTH = DrawSettings(modalities=ModalitySettings(tracers=("fdg", "act")))
COUNT = 2000


def plain(drawn: CaseDraw) -> tuple:
    """All of a draw, for comparison."""
    others = {name: value for name, value in vars(drawn).items() if name != "transform"}
    return drawn.transform.matrix.tobytes(), drawn.transform.elastic.tobytes(), repr(others)


def draws_of(facts: CaseFacts, chosen: DrawSettings) -> list[CaseDraw]:
    return [draw(f"case{k}", 3, 7, facts, chosen) for k in range(COUNT)]


def assert_probable(count: int, trials: int, probability: float) -> None:
    """Within what a right sampler leaves once in a million times."""
    low, high = binom.interval(1 - 1e-6, trials, probability)
    assert low <= count <= high


def test_the_facts_of_a_case_are_its_modalities_doses_and_lesions():
    facts = CaseFacts.of(cached_case(label_map(3), tracers=("act",)))
    assert facts == CaseFacts(("ct", "act"), ("native", "mild", "severe"), (2, 3, 4))


def test_a_case_gets_the_same_in_any_order_and_in_any_process():
    names = [f"case{k}" for k in range(5)]
    forwards = {name: plain(draw(name, 1, 2, FACTS, BOTH)) for name in names}
    backwards = {name: plain(draw(name, 1, 2, FACTS, BOTH)) for name in reversed(names)}
    assert forwards == backwards
    code = "from training.data.draws import random_of; print(random_of(1, 2, 'case').random())"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_seed_epoch_and_name_each_make_another_draw():
    found = {plain(draw(*key, FACTS, BOTH)) for key in (("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("a", 0, 1))}
    assert len(found) == 4


def test_changing_one_part_leaves_the_others_as_they_were():
    changed = replace(BOTH, perturbation=PerturbationSettings.none(), modalities=replace(BOTH.modalities, dropout=1.0))
    for epoch in range(20):
        one, other = draw("a", 0, epoch, FACTS, BOTH), draw("a", 0, epoch, FACTS, changed)
        assert np.array_equal(one.transform.matrix, other.transform.matrix)
        assert np.array_equal(one.transform.elastic, other.transform.elastic)
        assert one.dose_level == other.dose_level


def test_one_modality_is_dropped_as_often_as_said_and_never_both():
    readings = [drawn.student_modalities for drawn in draws_of(FACTS, BOTH)]
    assert all(1 <= len(reading) <= 2 for reading in readings)
    assert_probable(sum("ct" not in reading for reading in readings), COUNT, 0.15)
    assert_probable(sum(reading == ("ct",) for reading in readings), COUNT, 0.15)


def test_of_two_tracers_the_student_reads_one_each_as_often():
    readings = [set(drawn.student_modalities) - {"ct"} for drawn in draws_of(FACTS, BOTH)]
    with_pet = [reading for reading in readings if reading]
    assert all(len(reading) == 1 for reading in with_pet)
    assert_probable(sum(reading == {"act"} for reading in with_pet), len(with_pet), 0.5)


def test_a_student_never_gets_a_tracer_it_cannot_read_and_its_teacher_sees_all():
    for drawn in draws_of(FACTS, DrawSettings()):
        assert "act" not in drawn.student_modalities
        assert drawn.modalities == ("ct", "fdg", "act")


@pytest.mark.parametrize("present", [("ct",), ("fdg",), ("ct", "act")])
def test_the_only_modality_of_a_case_is_never_dropped(present):
    chosen = DrawSettings(modalities=ModalitySettings(dropout=1.0, tracers=("fdg",)))
    facts = replace(FACTS, modalities=present)
    assert {drawn.student_modalities for drawn in draws_of(facts, chosen)} == {present[:1]}


def test_where_only_the_pet_is_dropped_every_student_reads_the_ct():
    readings = [d.student_modalities for d in draws_of(FACTS, DrawSettings(modalities=ModalitySettings(drop="pet")))]
    assert all("ct" in reading for reading in readings)
    assert_probable(sum(reading == ("ct",) for reading in readings), COUNT, 0.3)


def test_the_teachers_dose_is_any_level_equally_often_and_the_ct_stays_native():
    drawn = draws_of(FACTS, BOTH)
    for level in FACTS.levels:
        assert_probable(sum(d.dose_level == level for d in drawn), COUNT, 1 / 3)
    assert {(d.ct_level, d.student_ct) for d in drawn} == {("native", "ct")}
    assert draw("a", 0, 0, FACTS, replace(BOTH, student_dose="random")).student_ct == "dose"


@settings(deadline=None)
@given(st.integers(1, 6), st.floats(0, 1), st.integers(0, 1000))
def test_never_all_lesions_of_a_case_are_dropped(lesions, probability, epoch):
    labels = tuple(range(2, 2 + lesions))
    chosen = replace(BOTH, perturbation=PerturbationSettings(lesion_dropout=probability))
    regions = draw("a", 0, epoch, replace(FACTS, lesions=labels), chosen).regions
    assert set(regions.dropped) < set(labels)
    assert not set(regions.dilated) & set(regions.eroded)
    assert set(regions.dilated) | set(regions.eroded) <= set(labels)


def test_lesions_are_dropped_dilated_and_eroded_as_often_as_said():
    facts = replace(FACTS, lesions=tuple(range(2, 12)))
    drawn = [d.regions for d in draws_of(facts, BOTH)]
    # All of ten lesions are dropped once in ten million draws: what is spared then does not show.
    assert_probable(sum(len(d.dropped) for d in drawn), 10 * COUNT, 0.2)
    assert_probable(sum(len(d.dilated) for d in drawn), 10 * COUNT, 1 / 3)
    assert_probable(sum(len(d.eroded) for d in drawn), 10 * COUNT, 1 / 3)


def test_without_perturbation_and_augmentation_a_case_stays_as_it_is():
    chosen = DrawSettings(augmentation=AugmentationSettings.none(), perturbation=PerturbationSettings.none())
    drawn = draw("a", 0, 0, FACTS, chosen)
    assert drawn.transform.is_identity
    assert not drawn.blank_full
    assert drawn.regions == RegionDraw()


def test_full_is_blanked_as_often_as_said():
    drawn = draws_of(FACTS, DrawSettings(augmentation=AugmentationSettings(full_dropout=0.4)))
    assert_probable(sum(d.blank_full for d in drawn), COUNT, 0.4)


def test_cases_are_moved_as_often_as_said_and_otherwise_only_mirrored():
    drawn = draws_of(FACTS, DrawSettings(augmentation=AugmentationSettings(moved=0.3)))
    mirrored = [np.array_equal(np.abs(d.transform.matrix), IDENTITY) and not d.transform.elastic.any() for d in drawn]
    assert_probable(COUNT - sum(mirrored), COUNT, 0.3)


def test_an_evaluation_gives_what_it_names_at_the_dose_it_names():
    drawn = no_draw("a", FACTS, Evaluation(inputs=("ct", "act", "fdg"), level="mild"))
    assert (drawn.ct_level, drawn.dose_level) == ("mild", "mild")
    assert drawn.modalities == ("ct", "act", "fdg")
    assert drawn.student_modalities == ("ct", "act")
    assert no_draw("a", FACTS, Evaluation(inputs=("fdg",))).student_modalities == ("fdg",)
    assert no_draw("a", replace(FACTS, modalities=("ct",)), Evaluation()).modalities == ("ct",)


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (Evaluation(inputs=("act",)), "case a has none of act"),
        (Evaluation(level="legacy_mild"), "case a at the dose legacy_mild, only native"),
    ],
)
def test_an_evaluation_that_does_not_fit_a_case_names_it(evaluation, message):
    with pytest.raises(ValueError, match=message):
        no_draw("a", CaseFacts(("ct", "fdg"), ("native",), ()), evaluation)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: AugmentationSettings(mirror=1.5),
        lambda: AugmentationSettings(scale=-0.1),
        lambda: AugmentationSettings(elastic_length=0),
        lambda: ModalitySettings(dropout=-0.1),
        lambda: ModalitySettings(drop="ct"),
        lambda: PerturbationSettings(lesion_dropout=2),
        lambda: DrawSettings(student_dose="mild"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError):
        wrong()
