"""A train step: forward, cross-entropy, backward and AdamW."""

import torch
from torch import nn
from torch.nn import functional

from REACTKDLib.networks.batch import REPRESENTATION_CHANNELS, ModalityBatch
from Testing.benchmarks.common import measure


def random_batch(network: nn.Module, modalities: tuple[str, ...], cases: int, device: str = "cpu") -> ModalityBatch:
    """Noise on the network's grid; every case has all modalities."""
    shape = (cases, REPRESENTATION_CHANNELS, *network.architecture.grid)
    present = torch.ones(cases, dtype=torch.bool, device=device)
    images = {modality: torch.randn(shape, device=device) for modality in modalities}
    return ModalityBatch(images, dict.fromkeys(images, present))


def step_seconds(
    network: nn.Module,
    modalities: tuple[str, ...],
    cases: int,
    repeats: int,
    *,
    device: str = "cpu",
    bf16: bool = False,
) -> float:
    """Median seconds, until the device is done. bf16: of the forward pass."""
    optimiser = torch.optim.AdamW(network.train().to(device).parameters())
    batch = random_batch(network, modalities, cases, device)
    grades = torch.arange(cases, device=device) % network.architecture.classes

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            logits = network(batch).logits
        functional.cross_entropy(logits, grades).backward()
        optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return measure(step, repeats, warmup=1)
