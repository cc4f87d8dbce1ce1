import platform
import resource
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.cpu import prepare_for_cpu_inference, tune_allocator


@pytest.mark.parametrize("modalities", [("ct", "fdg"), ("ct",), ("fdg",)])
@pytest.mark.parametrize("capability", ["AVX2", "AVX512"])
@torch.no_grad()
def test_the_prepared_network_says_what_the_built_one_said(small_student, modalities, capability, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    yes = torch.tensor([True])
    batch = ModalityBatch({m: torch.randn(1, 3, 8, 16, 16) for m in modalities}, dict.fromkeys(modalities, yes))
    for norm in (m for m in small_student.modules() if isinstance(m, torch.nn.InstanceNorm3d)):
        norm.weight.normal_()
        norm.bias.normal_()
    expected = small_student(batch)
    prepared = prepare_for_cpu_inference(small_student)(batch)
    torch.testing.assert_close(prepared.logits, expected.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(prepared.features, expected.features, atol=1e-4, rtol=0)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 2),
    st.sampled_from([1, 3, 8, 20]),
    st.sampled_from([1, 3, 8, 9]),
    st.tuples(*[st.integers(1, 7)] * 3),
    st.sampled_from([{}, {"stride": 2}, {"dilation": 2, "padding": 2}, {"bias": True}]),
)
@torch.no_grad()
def test_every_convolution_stays_what_it_was_on_registers_of_any_width(cases, channels, filters, grid, choices):
    torch.manual_seed(0)
    built = nn.Sequential(nn.Conv3d(channels, filters, 3, **{"padding": 1, "bias": False, **choices}))
    images = torch.randn(cases, channels, *grid)
    expected = built(images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
        found = prepare_for_cpu_inference(built)(images)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("grid", [(4, 12, 12), (8, 24, 24), (1, 1, 2)])
@pytest.mark.parametrize("cases", [1, 2])
@torch.no_grad()
def test_each_channel_of_each_case_is_normalised_by_itself(cases, grid):
    norm = nn.InstanceNorm3d(5, affine=True)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    images = (3 + 2 * torch.randn(cases, 5, *grid)).contiguous(memory_format=torch.channels_last_3d)
    flat = images.double().flatten(2)
    centred = flat - flat.mean(-1, keepdim=True)
    normalised = centred / (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt()
    expected = normalised * norm.weight[:, None] + norm.bias[:, None]
    found = prepare_for_cpu_inference(nn.Sequential(norm))(images)
    torch.testing.assert_close(found.flatten(2).double(), expected, atol=1e-5, rtol=1e-4)


def test_preparing_keeps_the_state_dict_so_that_weights_load_before_or_after(small_student):
    before = {name: weight.clone() for name, weight in small_student.state_dict().items()}
    after = prepare_for_cpu_inference(small_student).state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_no_convolution_is_left_to_the_slow_path(small_student):
    yes = torch.tensor([True])
    batch = ModalityBatch({"ct": torch.randn(1, 3, 8, 16, 16)}, {"ct": yes})
    network = prepare_for_cpu_inference(small_student)
    with torch.no_grad(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        network(batch)
    operations = {event.key for event in profile.key_averages()}
    assert "aten::mkldnn_convolution" in operations
    assert not any("slow_conv" in operation for operation in operations)


def test_the_allocator_is_tuned_with_glibc_and_left_alone_elsewhere():
    # In a process of its own: the setting stays with the process.
    code = "from REACTKDLib.networks.cpu import tune_allocator; print(tune_allocator())"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert said == str(platform.libc_ver()[0] == "glibc")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator that is tuned is glibc's")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator that is tuned is glibc's")
def test_memory_that_is_free_again_stays_with_the_process_and_is_not_mapped_anew():
    code = (
        "import resource, torch; from REACTKDLib.networks.cpu import tune_allocator; tune_allocator();"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt;"
        "torch.ones(2**24); before = faults(); torch.ones(2**23); print(faults() - before)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(said) < 2**23 * 4 / resource.getpagesize() / 10


def test_another_system_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert tune_allocator() is False
