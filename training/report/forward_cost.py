"""What one decision of a network costs: parameters, arithmetic, time."""

import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from REACTKDLib.networks.batch import ModalityBatch

WARM_UP, REPEATS = 3, 15


@dataclass(frozen=True)
class Cost:
    """Of one case. flops: of convolutions and matrix products, a multiplication and its addition counted as two.

    milliseconds: of the fastest forward pass, preprocessing not included. Others waited for other work of the machine.
    """

    parameters: int
    flops: int
    milliseconds: float


@torch.inference_mode()
def cost_of(network: nn.Module, inputs: ModalityBatch, device: torch.device | str, repeats: int = REPEATS) -> Cost:
    """inputs: of one case. The network is moved to the device. repeats: timed passes, after a warm-up."""
    if inputs.size != 1:
        raise ValueError(f"cost_of: one case at a time, not {inputs.size}")
    network, inputs, device = network.to(device).eval(), inputs.to(device), torch.device(device)
    # As plain matrix products: fused attention is not counted on every device.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(inputs)
    for _ in range(WARM_UP):
        network(inputs)
    times = [_seconds(network, inputs, device) for _ in range(repeats)]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Cost(parameters, counter.get_total_flops(), 1e3 * min(times))


def _seconds(network: nn.Module, inputs: ModalityBatch, device: torch.device) -> float:
    _finish(device)
    start = time.perf_counter()
    network(inputs)
    _finish(device)
    return time.perf_counter() - start


def _finish(device: torch.device) -> None:
    """A GPU returns before it has computed."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
