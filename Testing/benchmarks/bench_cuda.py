"""What a GPU brings: the same work on it and on the CPU of the same machine. No rows where there is none."""

from collections.abc import Callable

import torch

from REACTKDLib.inference.demo_model import demo_model
from REACTKDLib.inference.predictor import Predictor
from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.cpu import prepare_for_cpu_inference, tune_allocator
from Testing.benchmarks.bench_dose import volume_seconds
from Testing.benchmarks.cases import clinical_case
from Testing.benchmarks.common import Row, in_fresh_process, measure
from Testing.benchmarks.training_step import random_batch, step_seconds

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
    on_gpu, network = device == "cuda", build_network(STUDENT).eval()
    network = network.cuda() if on_gpu else prepare_for_cpu_inference(network)
    batch = random_batch(network, ("ct", "fdg"), 1, device)

    def forward() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=on_gpu):
            network(batch)
        if on_gpu:
            torch.cuda.synchronize()

    return measure(forward, repeats=5)


def student_step_seconds(device: str) -> float:
    return _step_seconds(STUDENT, ("ct", "fdg"), 8, device, bf16=device == "cuda")


def teacher_step_seconds(device: str) -> float:
    return _step_seconds(TEACHER, ("ct",), 2, device, bf16=True)


def dose_seconds(device: str) -> float:
    """The second time: the first starts CUDA, too."""
    volume_seconds(device)
    return volume_seconds(device)


def _step_seconds(
    architecture: Architecture, modalities: tuple[str, ...], cases: int, device: str, bf16: bool
) -> float:
    tune_allocator()
    network = build_network(architecture).to(memory_format=torch.channels_last_3d)
    return step_seconds(network, modalities, cases, repeats=5, device=device, bf16=bf16)
