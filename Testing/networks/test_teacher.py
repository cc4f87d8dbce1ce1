import pytest
import torch
from monai.networks.nets.swin_unetr import WindowAttention

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.head import classify
from REACTKDLib.networks.swin import SwinStream, attention_window

GRID = (16, 32, 32)
FEATURES = (4, 8, 8)


def batch_of(**present: list[bool]) -> ModalityBatch:
    images = {modality: torch.randn(len(has), 3, *GRID) for modality, has in present.items()}
    return ModalityBatch(images, {modality: torch.tensor(has) for modality, has in present.items()})


def case(batch: ModalityBatch, index: int) -> ModalityBatch:
    has = [modality for modality in batch.images if batch.present[modality][index]]
    row = slice(index, index + 1)
    return ModalityBatch({m: batch.images[m][row] for m in has}, {m: batch.present[m][row] for m in has})


@torch.no_grad()
def test_the_teacher_says_a_word_for_the_whole_and_for_each_branch(small_teacher):
    output = small_teacher(batch_of(ct=[True, True], fdg=[True, False], act=[True, True]))
    assert output.logits.shape == (2, 3)
    assert output.features.shape == (2, 16, *FEATURES)
    assert {branch: logits.shape for branch, logits in output.branch_logits.items()} == {
        "structure": (2, 3),
        "dose": (2, 3),
    }
    for branch, head in small_teacher.branch_heads.items():
        torch.testing.assert_close(output.branch_logits[branch], classify(head, output.branch_features[branch]))


@torch.no_grad()
def test_a_case_gets_the_same_logits_alone_and_among_cases_with_other_tracers(small_teacher):
    batch = batch_of(
        ct=[True, True, True, True],
        fdg=[True, False, True, False],
        act=[True, True, False, False],
        dose=[True, False, False, True],
    )
    together = small_teacher(batch)
    alone = [small_teacher(case(batch, index)) for index in range(4)]
    torch.testing.assert_close(together.logits, torch.cat([o.logits for o in alone]), atol=1e-5, rtol=1e-4)
    # The last case has no tracer: alone, the structure branch has no map at all.
    structure = torch.cat([o.branch_logits["structure"] for o in alone])
    torch.testing.assert_close(together.branch_logits["structure"], structure, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_what_fills_a_missing_image_is_never_read(small_teacher):
    batch = batch_of(ct=[True, True], fdg=[True, False], dose=[False, True])
    expected = small_teacher(batch).logits
    batch.images["fdg"][1] = torch.nan
    batch.images["dose"][0] = torch.nan
    torch.testing.assert_close(small_teacher(batch).logits, expected)


@torch.no_grad()
def test_the_dose_branch_takes_the_ct_where_there_is_no_low_dose_image(small_teacher):
    plain = batch_of(ct=[True])
    yes = torch.tensor([True])
    explicit = ModalityBatch({**plain.images, "dose": plain.images["ct"]}, {"ct": yes, "dose": yes})
    degraded = ModalityBatch({**plain.images, "dose": torch.randn(1, 3, *GRID)}, {"ct": yes, "dose": yes})
    dose = [small_teacher(batch).branch_logits["dose"] for batch in (plain, explicit, degraded)]
    torch.testing.assert_close(dose[0], dose[1])
    assert (dose[0] - dose[2]).abs().max() > 1e-4


@torch.no_grad()
def test_without_a_tracer_the_structure_branch_says_the_same_of_every_case(small_teacher):
    output = small_teacher(batch_of(ct=[True, True]))
    for structure in (output.branch_logits["structure"], output.branch_features["structure"]):
        torch.testing.assert_close(structure[0], structure[1])


@torch.no_grad()
def test_a_branch_is_present_where_the_case_has_one_of_its_streams(small_teacher):
    output = small_teacher(batch_of(ct=[True, True, True], fdg=[True, False, False], act=[False, False, True]))
    assert {branch: present.tolist() for branch, present in output.branch_present.items()} == {
        "structure": [True, False, True],
        "dose": [True, True, True],
    }


def test_a_tracer_without_its_ct_is_no_stream(small_teacher):
    with pytest.raises(ValueError, match=r"cases \[0\]"):
        small_teacher(batch_of(fdg=[True]))


def test_a_branch_can_be_switched_off_and_its_streams_are_not_built():
    teacher = build_network(
        Architecture(network="teacher", width=16, feature_size=12, grid=GRID, branches=("structure",))
    ).eval()
    assert set(teacher.streams) == {"fdg", "act"}
    output = teacher(batch_of(ct=[True], fdg=[True]))
    assert set(output.branch_logits) == set(output.branch_present) == {"structure"}
    assert output.branch_features["structure"] is output.features
    with pytest.raises(ValueError, match="none of the streams"):
        teacher(batch_of(ct=[True]))


def test_gradient_reaches_the_patch_embedding_of_present_streams_only(small_teacher):
    small_teacher(batch_of(ct=[True], fdg=[True])).logits.square().sum().backward()
    gradients = {
        stream: encoder.encoder.patch_embed.proj.weight.grad for stream, encoder in small_teacher.streams.items()
    }
    assert gradients["fdg"].abs().max() > 0
    assert gradients["dose"].abs().max() > 0
    assert gradients["act"] is None


@pytest.mark.parametrize(
    ("grid", "window"),
    [((32, 96, 96), (4, 6, 6)), ((64, 224, 224), (4, 7, 7)), ((48, 128, 128), (6, 4, 4)), ((16, 32, 32), (4, 4, 4))],
)
def test_attention_windows_divide_the_tokens_of_every_stage(grid, window):
    assert attention_window(grid) == window
    for voxels, side in zip(grid, window, strict=True):
        tokens = [voxels // 2**stage for stage in (1, 2, 3, 4)]
        assert all(count % side == 0 or count < side for count in tokens)


@torch.no_grad()
def test_fast_attention_gives_what_plain_attention_gives_shifted_windows_included():
    stream = SwinStream(channels=6, feature_size=12, grid=GRID, stride=4, width=16).eval()
    attentions = [module for module in stream.modules() if isinstance(module, WindowAttention)]
    for attention in attentions:
        # As initialised the bias is next to nothing, and losing it would not be seen.
        attention.relative_position_bias_table.normal_(std=2)
    images = torch.randn(2, 6, *GRID)
    fast = stream(images)
    for attention in attentions:
        assert attention.use_flash_attention
        attention.use_flash_attention = False
    torch.testing.assert_close(stream(images), fast, atol=1e-4, rtol=1e-4)
    with torch.enable_grad():
        torch.testing.assert_close(stream.train()(images), fast, atol=1e-4, rtol=1e-4)
