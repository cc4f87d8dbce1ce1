"""Where a training runs: one process, or those that torchrun started."""

import os

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies import DDPStrategy

from REACTKDLib.networks.architecture import Architecture
from REACTKDLib.networks.precision import bf16_safe

from .errors import TrainingError
from .settings import Optimisation


def launch(device: str = "auto") -> Fabric:
    """A Fabric over one device, or over one for each of torchrun's processes (DDP; gloo on CPUs, NCCL on GPUs).

    device: auto, cpu or cuda. Raises TrainingError where there is no GPU and one was asked for.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no_cuda", "There is no CUDA device.", "Use --device cpu, or auto.")
    accelerator = {"auto": "cuda" if torch.cuda.is_available() else "cpu"}.get(device, device)
    local, world = (int(os.environ.get(name, 1)) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    if world == 1:
        return Fabric(accelerator=accelerator, devices=1)
    # A modality that no case of a batch has leaves its encoder without a gradient.
    strategy = DDPStrategy(find_unused_parameters=True)
    fabric = Fabric(accelerator=accelerator, devices=local, num_nodes=world // local, strategy=strategy)
    fabric.launch()
    return fabric


def uses_bf16(settings: Optimisation, architecture: Architecture, device: torch.device) -> bool:
    """Whether the forward pass runs under bfloat16 autocast. Raises TrainingError where that would be wrong."""
    if settings.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    if settings.precision == "fp32":
        return False
    if device.type == "cpu" and not bf16_safe(architecture):
        raise TrainingError(
            "bf16_unsafe",
            f"On the grid {architecture.grid} the {architecture.network} has a map of depth 2, where gradients in "
            "bf16 are wrong on a CPU.",
            "Use fp32, or another grid.",
        )
    return True
