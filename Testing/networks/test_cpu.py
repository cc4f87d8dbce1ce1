import platform
import subprocess
import sys

import pytest
import torch

from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.cpu import prepare_for_cpu_inference, tune_allocator


@pytest.mark.parametrize("modalities", [("ct", "pet"), ("ct",), ("pet",)])
@torch.no_grad()
def test_the_prepared_network_says_what_the_built_one_said(small_student, modalities):
    yes = torch.tensor([True])
    batch = ModalityBatch({m: torch.randn(1, 3, 8, 16, 16) for m in modalities}, dict.fromkeys(modalities, yes))
    for norm in (m for m in small_student.modules() if isinstance(m, torch.nn.InstanceNorm3d)):
        norm.weight.normal_()
        norm.bias.normal_()
    expected = small_student(batch)
    prepared = prepare_for_cpu_inference(small_student)(batch)
    torch.testing.assert_close(prepared.logits, expected.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(prepared.features, expected.features, atol=1e-4, rtol=0)


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


def test_another_system_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert tune_allocator() is False
