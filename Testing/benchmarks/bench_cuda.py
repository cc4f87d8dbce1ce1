"""What a GPU brings: the same work on it and on the CPU of the same machine. No rows where there is none."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import REPRESENTATION_CHANNELS, ModalityBatch
from REACTKDLib.networks.cpu import prepare_for_cpu_inference, tune_allocator
from Testing.benchmarks.bench_dose import volume_seconds
from Testing.benchmarks.cases import clinical_case
from Testing.benchmarks.common import Row, in_fresh_process, measure

DEVICES = ("cuda", "cpu")
TEACHER = Architecture(network="teacher", branches=("dose",))
STUDENT = Architecture(network="student")


def rows() -> list[Row]:
    if not torch.cuda.is_available():
        return []
    name = torch.cuda.get_device_name()
    return [
        _row("predict, 512x512x148 CT + PET, model in memory", predict_seconds, name),
        _row("student forward, PET + CT, 32x96x96", forward_seconds, name),
        _row("train step of a student, 8 x 32x96x96", student_step_seconds, name),
        _row("train step of a teacher stream, 2 x 32x96x96", teacher_step_seconds, name),
        _row("severe dose of a 512x512x148 CT", dose_seconds, name),
    ]


def _row(work: str, seconds: Callable[[str], float], name: str) -> Row:
    (ours, _), (cpu, _) = (in_fresh_process(seconds, device) for device in DEVICES)
    note = f"{name}; bf16 there, and fp32 on the CPU but for the teacher; torch {torch.__version__}"
    return Row(work, ours, "its CPU", cpu, note)


def predict_seconds(device: str) -> float:
    """Files are read, and nothing is written."""
    tune_allocator()
    predictor, files = Predictor.load(demo_model(), device), clinical_case()
    return measure(lambda: predictor.predict(files.read()), repeats=5)


@torch.inference_mode()
def forward_seconds(device: str) -> float:
    tune_allocator()
    network = build_network(STUDENT).eval()
    network = network.cuda() if device == "cuda" else prepare_for_cpu_inference(network)
    batch = _batch(("ct", "fdg"), 1, device)
    return _measure(lambda: network(batch), device, bf16=device == "cuda")


def student_step_seconds(device: str) -> float:
    return _step_seconds(STUDENT, _batch(("ct", "fdg"), 8, device), device, bf16=device == "cuda")


def teacher_step_seconds(device: str) -> float:
    return _step_seconds(TEACHER, _batch(("ct",), 2, device), device, bf16=True)


def dose_seconds(device: str) -> float:
    """The second time: the first starts CUDA, too."""
    volume_seconds(device)
    return volume_seconds(device)


def _batch(streams: tuple[str, ...], cases: int, device: str) -> ModalityBatch:
    shape = (cases, REPRESENTATION_CHANNELS, *STUDENT.grid)
    present = torch.ones(cases, dtype=torch.bool, device=device)
    return ModalityBatch(
        {stream: torch.randn(shape, device=device) for stream in streams}, dict.fromkeys(streams, present)
    )


def _step_seconds(architecture: Architecture, batch: ModalityBatch, device: str, bf16: bool) -> float:
    """Forward, cross-entropy, backward and AdamW."""
    tune_allocator()
    network: nn.Module = build_network(architecture).train().to(device, memory_format=torch.channels_last_3d)
    optimiser = torch.optim.AdamW(network.parameters())
    grades = torch.arange(len(next(iter(batch.images.values()))), device=device) % architecture.classes

    def step() -> None:
        optimiser.zero_grad()
        logits = network(batch).logits
        functional.cross_entropy(logits.float(), grades).backward()
        optimiser.step()

    return _measure(step, device, bf16)


def _measure(work: Callable[[], object], device: str, bf16: bool) -> float:
    """Until the GPU is done, too."""

    def whole() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            work()
        if device == "cuda":
            torch.cuda.synchronize()

    return measure(whole, repeats=5)
