import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.student import Student
from REACTKDLib.networks.tracers import TracerConditioning

GRID = (8, 8, 8)
BOTH = ("fdg", "act")
CHOICES = {"network": "student", "width": 16, "init_filters": 4, "blocks_down": (1, 1, 1), "grid": GRID}


def student_of(*tracers: str, **choices) -> Student:
    torch.manual_seed(0)
    return build_network(Architecture(**{**CHOICES, **choices}, tracers=tracers)).eval()


def batch_of(*cases: set[str]) -> ModalityBatch:
    """Each case has the modalities of its set; the images of those it lacks are not numbers."""
    modalities = ("ct", *BOTH)
    present = {m: torch.tensor([m in case for case in cases]) for m in modalities}
    images = {m: torch.randn(len(cases), 3, *GRID) for m in modalities}
    for modality in modalities:
        images[modality][~present[modality]] = torch.nan
    return ModalityBatch(images, present)


def renamed(batch: ModalityBatch, names: dict[str, str]) -> ModalityBatch:
    return ModalityBatch(
        {names.get(m, m): image for m, image in batch.images.items()},
        {names.get(m, m): present for m, present in batch.present.items()},
    )


@settings(deadline=None, max_examples=15)
@given(st.lists(st.sampled_from([{"ct"}, {"fdg"}, {"act"}, {"ct", "fdg"}, {"ct", "act"}]), min_size=1, max_size=5))
@torch.no_grad()
def test_a_case_gets_the_same_logits_alone_and_among_cases_with_other_tracers(cases):
    student = student_of(*BOTH)
    batch = batch_of(*cases)
    alone = []
    for row, case in enumerate(cases):
        here = slice(row, row + 1)
        images = {m: batch.images[m][here] for m in case}
        alone.append(student(ModalityBatch(images, {m: batch.present[m][here] for m in case})).logits)
    torch.testing.assert_close(student(batch).logits, torch.cat(alone), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_all_tracers_go_through_the_encoder_together_and_cases_without_pet_do_not():
    student = student_of(*BOTH)
    sizes = []
    student.streams["pet"].encoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    student(batch_of({"ct", "fdg"}, {"ct"}, {"act"}, {"ct", "act"}))
    assert sizes == [3]


@torch.no_grad()
def test_a_student_of_one_tracer_has_the_weights_of_one_that_knows_of_none():
    names = student_of("act").state_dict().keys()
    assert names == student_of().state_dict().keys() == student_of("fdg").state_dict().keys()
    assert not any("conditioning" in name for name in names)


@torch.no_grad()
def test_the_first_tracer_starts_as_in_a_student_of_that_tracer_alone():
    alone, both = student_of("fdg"), student_of(*BOTH)
    missing = both.load_state_dict(alone.state_dict(), strict=False).missing_keys
    assert missing == ["streams.pet.conditioning.scale", "streams.pet.conditioning.shift"]
    batch = batch_of({"ct", "fdg"}, {"fdg"})
    assert torch.equal(both(batch).logits, alone(batch).logits)


@torch.no_grad()
def test_the_same_image_means_something_else_as_another_tracer():
    student = student_of(*BOTH)
    batch = ModalityBatch({"fdg": torch.randn(1, 3, *GRID)}, {"fdg": torch.tensor([True])})
    assert (student(batch).logits - student(renamed(batch, {"fdg": "act"})).logits).abs().max() > 1e-2


@given(st.integers(2, 4), st.integers(2, 33), st.integers(0, 9))
def test_every_tracer_after_the_first_starts_with_half_of_the_channels_reversed(tracers, width, seed):
    torch.manual_seed(seed)
    conditioning = TracerConditioning(tracers, width)
    torch.manual_seed(seed)
    assert torch.equal(TracerConditioning(tracers, width).scale, conditioning.scale)
    assert (conditioning.scale[0] == 1).all()
    assert (conditioning.scale.abs() == 1).all()
    assert ((conditioning.scale[1:] < 0).sum(1) == width // 2).all()
    assert (conditioning.shift == 0).all()


def test_each_case_has_the_scale_and_shift_of_its_tracer():
    torch.manual_seed(0)
    conditioning = TracerConditioning(3, 4)
    with torch.no_grad():
        conditioning.scale.normal_()
        conditioning.shift.normal_()
    features, tracer = torch.randn(5, 4, 1, 2, 3), torch.tensor([2, 0, 1, 1, 2])
    found = conditioning(features, tracer)
    for row, place in enumerate(tracer):
        scale, shift = conditioning.scale[place], conditioning.shift[place]
        expected = features[row] * scale.reshape(4, 1, 1, 1) + shift.reshape(4, 1, 1, 1)
        torch.testing.assert_close(found[row], expected)


def test_bfloat16_autocast_gives_the_probabilities_of_float32():
    student = student_of(*BOTH)
    batch = batch_of({"ct", "fdg"}, {"ct"}, {"ct", "act"})
    with torch.no_grad():
        expected = student(batch).logits.softmax(1)
        with torch.autocast("cpu", torch.bfloat16):
            output = student(batch)
    # bfloat16 keeps 8 bits: relative steps of 0.004, and a few layers of them.
    torch.testing.assert_close(output.logits.softmax(1), expected, atol=2e-2, rtol=0)


def test_a_case_with_two_tracers_is_refused_by_its_place_in_the_batch():
    with pytest.raises(ValueError, match=r"cases \[1\] of the batch have several tracers"):
        student_of(*BOTH)(batch_of({"ct", "act"}, {"ct", "fdg", "act"}))


def test_a_tracer_that_the_student_does_not_know_is_refused_by_name():
    with pytest.raises(ValueError, match="reads ct, fdg; a case of the batch has act"):
        student_of("fdg")(batch_of({"ct"}, {"ct", "act"}))


def test_an_image_that_no_case_has_is_no_tracer_that_the_student_would_have_to_know():
    assert student_of("fdg")(batch_of({"ct"}, {"ct", "fdg"})).logits.isfinite().all()


def test_pet_is_not_a_tracer():
    with pytest.raises(ValueError, match="has pet"):
        student_of(*BOTH)(renamed(batch_of({"ct", "fdg"}), {"fdg": "pet"}))


def opposite_tracers(cases: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """PET images (N, 3, D, H, W), whether each is acetate, and grades: uptake that rises in one falls in the other.

    The images of every grade are those of every other, once as each tracer: without the tracer they say nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(cases, 3, *GRID, generator=generator)
    rises = torch.arange(cases) % 2 == 0
    images[:, :, 2:6, 2:6, 2:6] += torch.where(rises, 1.0, -1.0).reshape(-1, 1, 1, 1, 1)
    acetate = torch.arange(2 * cases) >= cases
    return images.repeat(2, 1, 1, 1, 1), acetate, (rises.repeat(2) ^ acetate).long()


def learn_opposite_tracers(told: bool) -> tuple[float, float]:
    """Accuracy and cross-entropy on unseen cases, of a student that is told the tracer or believes all PET is FDG."""

    def batch(images: Tensor, acetate: Tensor) -> ModalityBatch:
        if told:
            return ModalityBatch(dict.fromkeys(BOTH, images), {"fdg": ~acetate, "act": acetate})
        return ModalityBatch({"fdg": images}, {"fdg": torch.ones_like(acetate)})

    student = student_of(*(BOTH if told else ("fdg",)), classes=2).train()
    images, acetate, grades = opposite_tracers(16, seed=1)
    optimiser = torch.optim.AdamW(student.parameters(), 5e-3)
    for _ in range(40):
        optimiser.zero_grad()
        functional.cross_entropy(student(batch(images, acetate)).logits, grades).backward()
        optimiser.step()
    images, acetate, grades = opposite_tracers(32, seed=2)
    with torch.no_grad():
        logits = student.eval()(batch(images, acetate)).logits
    return float((logits.argmax(1) == grades).float().mean()), float(functional.cross_entropy(logits, grades))


def test_a_student_that_is_told_the_tracer_learns_what_one_that_is_not_cannot():
    accuracy, loss = learn_opposite_tracers(told=True)
    assert accuracy > 0.9
    assert loss < 0.3
    accuracy, loss = learn_opposite_tracers(told=False)
    # Each image comes once with either grade.
    assert accuracy == pytest.approx(0.5, abs=0.05)
    assert loss >= math.log(2) - 1e-4
