import math
from dataclasses import replace

import pytest
import torch

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import ModalityBatch

GRID = (8, 16, 16)


def batch_of(ct: list[bool], pet: list[bool], grid=GRID) -> ModalityBatch:
    shape = (len(ct), 3, *grid)
    return ModalityBatch(
        {"ct": torch.randn(shape), "fdg": torch.randn(shape)}, {"ct": torch.tensor(ct), "fdg": torch.tensor(pet)}
    )


def case(batch: ModalityBatch, index: int) -> ModalityBatch:
    """One case of the batch, with only the images that it has."""
    has = [modality for modality in batch.images if batch.present[modality][index]]
    row = slice(index, index + 1)
    return ModalityBatch({m: batch.images[m][row] for m in has}, {m: batch.present[m][row] for m in has})


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("grid", [(8, 16, 16), (7, 15, 18)])
def test_the_map_lies_on_the_feature_grid_of_the_architecture(stride, grid):
    architecture = Architecture(
        network="student", width=16, init_filters=4, blocks_down=(1, 1, 1), stride=stride, grid=grid
    )
    output = build_network(architecture).eval()(batch_of([True, True], [True, False], grid))
    assert output.features.shape == (2, 16, *(math.ceil(n / stride) for n in grid))
    assert architecture.feature_grid == output.features.shape[2:]
    assert output.logits.shape == (2, 3)
    assert output.branch_logits == {}


def test_a_case_gets_the_same_logits_alone_and_in_a_batch_where_others_lack_other_modalities(small_student):
    batch = batch_of(ct=[True, True, False], pet=[True, False, True])
    together = small_student(batch).logits
    alone = torch.cat([small_student(case(batch, index)).logits for index in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_what_fills_a_missing_image_is_never_read(small_student):
    batch = batch_of(ct=[True, True, False], pet=[True, False, True])
    expected = small_student(batch).logits
    batch.images["fdg"][1] = torch.nan
    batch.images["ct"][2] = torch.nan
    torch.testing.assert_close(small_student(batch).logits, expected)


def test_a_missing_pet_is_not_a_pet_of_zeros(small_student):
    ct = torch.randn(1, 3, *GRID)
    yes = torch.tensor([True])
    without = small_student(ModalityBatch({"ct": ct}, {"ct": yes})).logits
    zeros = small_student(ModalityBatch({"ct": ct, "fdg": torch.zeros_like(ct)}, {"ct": yes, "fdg": yes})).logits
    assert (without - zeros).abs().max() > 1e-4


@pytest.mark.parametrize("absent", ["token", "zeros"])
def test_only_the_control_takes_a_missing_image_for_one_of_zeros(small_student, absent):
    student = build_network(replace(small_student.architecture, absent=absent)).eval()
    batch = batch_of(ct=[True, True, False], pet=[True, False, True])
    filled = {m: torch.where(batch.present[m][:, None, None, None, None], i, 0) for m, i in batch.images.items()}
    everything = dict.fromkeys(batch.present, torch.ones(3, dtype=torch.bool))
    same = torch.isclose(student(batch).logits, student(ModalityBatch(filled, everything)).logits, atol=1e-6).all(1)
    assert same.tolist() == ([True, False, False] if absent == "token" else [True, True, True])
    alone = student(case(batch, 1)).logits  # without any PET in the batch
    torch.testing.assert_close(alone, student(batch).logits[1:2], atol=1e-5, rtol=1e-4)


def test_a_case_with_neither_ct_nor_pet_is_refused_by_its_place_in_the_batch(small_student):
    with pytest.raises(ValueError, match=r"cases \[1\]"):
        small_student(batch_of(ct=[True, False], pet=[False, False]))


@pytest.mark.parametrize(("ct", "pet"), [(True, True), (True, False), (False, True)])
def test_gradient_reaches_the_first_convolution_of_the_streams_a_case_has_and_of_no_other(small_student, ct, pet):
    small_student(batch_of([ct, ct], [pet, pet])).logits.square().sum().backward()
    for stream, present in (("ct", ct), ("pet", pet)):
        gradient = small_student.streams[stream].encoder.conv_init.weight.grad
        assert (gradient is not None and bool(gradient.abs().max() > 0)) == present


def test_the_token_of_a_missing_stream_changes_the_logits_and_learns(small_student):
    batch = batch_of([True], [False])
    before = small_student(batch).logits
    before.square().sum().backward()
    assert small_student.fusion.tokens["pet"].grad.abs().max() > 0
    assert small_student.fusion.tokens["ct"].grad.abs().max() == 0
    with torch.no_grad():
        small_student.fusion.tokens["pet"].add_(1)
    assert (small_student(batch).logits - before).abs().max() > 1e-3


def test_bfloat16_autocast_gives_the_probabilities_of_float32(small_student):
    batch = batch_of([True, True], [True, False])
    with torch.no_grad():
        expected = small_student(batch).logits.softmax(1)
        with torch.autocast("cpu", torch.bfloat16):
            output = small_student(batch)
    assert output.logits.dtype == torch.float32
    # bfloat16 keeps 8 bits: relative steps of 0.004, and a few layers of them.
    torch.testing.assert_close(output.logits.softmax(1), expected, atol=2e-2, rtol=0)


def test_without_cbam_the_fused_map_is_used_as_it_is():
    choices = {"network": "student", "width": 16, "init_filters": 4, "blocks_down": (1, 1, 1)}
    plain = build_network(Architecture(**choices, cbam=False)).eval()
    attentive = build_network(Architecture(**choices)).eval()
    missing = attentive.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing
    assert all(name.startswith("cbam.") for name in missing)
    batch = batch_of([True], [True])
    assert (plain(batch).features - attentive(batch).features).abs().max() > 1e-3


def test_a_student_learns_two_cases_apart():
    student = build_network(
        Architecture(network="student", width=16, init_filters=4, blocks_down=(1, 1, 1), classes=2)
    ).train()
    batch = batch_of([True, True], [True, True])
    labels = torch.tensor([0, 1])
    optimiser = torch.optim.AdamW(student.parameters(), 1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(student(batch).logits, labels).backward()
        optimiser.step()
    assert student(batch).logits.argmax(1).tolist() == [0, 1]
