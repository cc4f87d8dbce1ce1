from dataclasses import replace

import pytest
import torch

from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.networks.architecture import Architecture, build_network
from training.data.batch import TrainingBatch, prepare
from training.data.draws import (
    AugmentationSettings,
    CaseFacts,
    DrawSettings,
    Evaluation,
    ModalitySettings,
    PerturbationSettings,
    draw,
    no_draw,
)
from training.data.raw_batch import RawBatch, RawCase, collate

from .made_cases import cached_case, label_map

SPEC = PreprocessingSpec(zero="mean", ct_mean=0.4, ct_std=0.2)
CASES = (
    cached_case(label_map(2, seed=1), ("fdg", "act"), seed=1),
    cached_case(label_map(3, seed=2), ("fdg",), seed=2),
    cached_case(label_map(1, seed=3), (), seed=3),
    cached_case(label_map(2, seed=4), ("act",), seed=4),
)
SETTINGS = DrawSettings(modalities=ModalitySettings(tracers=("fdg", "act")))
STILL = replace(SETTINGS, augmentation=AugmentationSettings.none(), perturbation=PerturbationSettings.none())


def raw(settings: DrawSettings | Evaluation, epoch: int = 0) -> RawBatch:
    cases = []
    for number, case in enumerate(CASES):
        name, facts = f"case{number}", CaseFacts.of(case)
        if isinstance(settings, Evaluation):
            drawn = no_draw(name, facts, settings)
        else:
            drawn = draw(name, 0, epoch, facts, settings)
        cases.append(RawCase(name, case, number % 3, drawn))
    return collate(cases)


def batch(settings: DrawSettings | Evaluation, epoch: int = 0) -> TrainingBatch:
    return prepare(raw(settings, epoch), "cpu", SPEC)


def full_of(image: torch.Tensor) -> torch.Tensor:
    """What the representation `full` of a cached CT is."""
    return (torch.from_numpy(image).float() - SPEC.ct_mean) / SPEC.ct_std


def test_the_teacher_reads_all_that_a_case_has_and_the_student_one_tracer_at_most():
    for epoch in range(10):
        made = batch(SETTINGS, epoch)
        assert {name: rows.tolist() for name, rows in made.present.items()} == {
            "ct": [True] * 4, "dose": [True] * 4, "fdg": [True, True, False, False], "act": [True, False, False, True]
        }  # fmt: skip
        tracers = made.student_present["fdg"].int() + made.student_present["act"].int()
        assert int(tracers.max()) <= 1
        assert bool((tracers.bool() | made.student_present["ct"]).all())
        assert all(bool((rows <= made.present[name]).all()) for name, rows in made.student_present.items())


def test_the_dose_image_is_the_ct_at_the_drawn_dose_and_the_ct_is_native():
    given = raw(STILL, epoch=1)
    made = prepare(given, "cpu", SPEC)
    assert len({drawn.dose_level for drawn in given.draws}) > 1
    for row, (case, drawn) in enumerate(zip(CASES, given.draws, strict=True)):
        name = "ct" if drawn.dose_level == "native" else f"ct_{drawn.dose_level}"
        torch.testing.assert_close(made.images["dose"][row, 0], full_of(case.images[name]))
        torch.testing.assert_close(made.images["ct"][row, 0], full_of(case.images["ct"]))
    assert torch.equal(made.for_student().images["ct"], made.images["ct"])


def test_a_student_of_random_dose_reads_the_degraded_ct_and_its_teacher_the_native_one():
    made = batch(replace(STILL, student_dose="random"), epoch=1)
    assert torch.equal(made.for_student().images["ct"], made.images["dose"])
    assert torch.equal(made.for_teacher().images["ct"], made.images["ct"])
    assert not torch.equal(made.images["ct"], made.images["dose"])


def test_an_evaluation_at_a_dose_gives_it_to_teacher_and_student_alike():
    made = batch(Evaluation(inputs=("ct", "fdg"), level="severe"))
    for row, case in enumerate(CASES):
        for image in (made.for_student().images["ct"], made.for_teacher().images["dose"], made.images["ct"]):
            torch.testing.assert_close(image[row, 0], full_of(case.images["ct_severe"]))
    assert "act" not in made.for_teacher().images
    assert made.student_present["fdg"].tolist() == [True, True, False, False]


def test_an_evaluation_without_ct_takes_it_from_both():
    made = prepare(
        collate([RawCase("a", CASES[0], 0, no_draw("a", CaseFacts.of(CASES[0]), Evaluation(inputs=("fdg",))))]),
        "cpu",
        SPEC,
    )
    assert made.for_student().presence("ct").tolist() == [False]
    assert made.for_teacher().presence("dose").tolist() == [False]
    assert made.for_student().presence("fdg").tolist() == [True]


def test_without_augmentation_regions_are_those_of_the_cache_and_the_students_the_same():
    made = batch(STILL)
    for row, case in enumerate(CASES):
        count = len(case.labels)
        assert torch.equal(made.regions[row, :count], torch.from_numpy(case.region_weights).float())
        assert float(made.regions[row, count:].abs().sum()) == 0
    assert torch.equal(made.student_regions, made.regions)
    torch.testing.assert_close(made.lesions, made.regions[:, 1:].sum(1))


def test_augmentation_moves_dose_ct_and_pet_alike():
    for settings in (STILL, replace(SETTINGS, perturbation=PerturbationSettings.none())):
        native = replace(CASES[0], images=dict.fromkeys(CASES[0].images, CASES[0].images["ct"]))
        drawn = draw("a", 0, 0, CaseFacts.of(native), settings)
        made = prepare(collate([RawCase("a", native, 0, replace(drawn, dose_level="mild"))]), "cpu", SPEC)
        assert torch.equal(made.images["ct"], made.images["dose"])
        scaled = made.images["ct"][0, 0]
        torch.testing.assert_close(made.images["fdg"][0, 0], (scaled - scaled.mean()) / scaled.std(correction=0))


def test_the_students_regions_are_perturbed_in_rows_that_stay_aligned():
    given = raw(replace(STILL, perturbation=PerturbationSettings(lesion_dropout=0.6, mask_jitter=False)))
    made = prepare(given, "cpu", SPEC)
    dropped = {(row, label - 1) for row, drawn in enumerate(given.draws) for label in drawn.regions.dropped}
    assert dropped
    for row in range(len(CASES)):
        for region in range(made.regions.shape[1]):
            expected = torch.zeros_like(made.regions[row, region]) if (row, region) in dropped else (
                made.regions[row, region])  # fmt: skip
            assert torch.equal(made.student_regions[row, region], expected)


def test_full_is_blanked_in_every_image_of_a_case():
    made = batch(replace(STILL, augmentation=replace(AugmentationSettings.none(), full_dropout=1.0)))
    for image in made.images.values():
        assert float(image[:, 0].abs().max()) == 0
        assert float(image[:, 1].abs().max()) > 0


def test_weights_rounded_by_the_cache_still_sum_to_at_most_one():
    weights = torch.rand(4, 2, 4, 4, generator=torch.Generator().manual_seed(0)).softmax(0)
    case = replace(CASES[1], region_weights=weights.half().numpy(), labels=(1, 2, 3, 4))
    assert float(weights.half().float().sum(0).max()) > 1
    drawn = draw("a", 0, 0, CaseFacts.of(case), STILL)
    made = prepare(collate([RawCase("a", case, 0, drawn)]), "cpu", SPEC)
    assert float(made.regions.sum(1).max()) <= 1 + 1e-6


@pytest.mark.parametrize("settings", [SETTINGS, Evaluation(inputs=("ct", "fdg", "act"), level="mild")])
def test_a_student_reads_what_a_batch_gives_it(settings):
    network = build_network(
        Architecture(network="student", grid=(8, 16, 16), width=8, init_filters=4, tracers=("fdg", "act"))
    )
    made = batch(settings)
    output = network.eval()(made.for_student())
    assert output.features.shape[2:] == made.regions.shape[2:]
    assert bool(output.logits.isfinite().all())


def test_a_batch_moves_as_a_whole():
    moved = batch(SETTINGS).to("meta")
    assert moved.for_teacher().device.type == moved.for_student().device.type == "meta"
    assert {moved.regions.device.type, moved.lesions.device.type, moved.labels.device.type} == {"meta"}
