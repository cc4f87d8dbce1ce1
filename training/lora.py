"""Low-rank adaptation of a student's encoders (Hu 2021): few weights learn, the trained ones stay as they are."""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from REACTKDLib.networks.student import Student


class LowRankUpdate(nn.Module):
    """W + B A, with A (rank, c k³) drawn at random and B (C, rank) zero: nothing changes until B has learned."""

    def __init__(self, weight: Tensor, rank: int):
        super().__init__()
        self.down = nn.Parameter(weight.new_empty(rank, weight[0].numel()))
        self.up = nn.Parameter(weight.new_zeros(len(weight), rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """weight: (C, c, k, k, k). Returns the same shape, in float32 under autocast too: small updates would round."""
        with torch.autocast(weight.device.type, enabled=False):
            return weight + (self.up @ self.down).view_as(weight)


def add_lora(network: Student, rank: int) -> Student:
    """Freezes the encoders and gives each of their convolutions a trainable update of `rank`, in place.

    What comes after the encoders stays as trainable as it was. Raises ValueError for a rank below 1, or when the
    network is adapted already.
    """
    if rank < 1:
        raise ValueError(f"add_lora: the rank is 1 or more, not {rank}")
    convolutions = _convolutions(network)
    if any(map(parametrize.is_parametrized, convolutions)):
        raise ValueError("add_lora: the network is adapted already; merge_lora first")
    for stream in network.streams.values():
        stream.encoder.requires_grad_(False)
    for convolution in convolutions:
        parametrize.register_parametrization(convolution, "weight", LowRankUpdate(convolution.weight, rank))
    return network


def merge_lora(network: Student) -> Student:
    """Adds the updates to the weights, in place: a student as it was built, names and all, with trainable encoders.

    Raises ValueError when the network is not adapted.
    """
    convolutions = _convolutions(network)
    if not all(map(parametrize.is_parametrized, convolutions)):
        raise ValueError("merge_lora: the network has no low-rank updates; add_lora first")
    for convolution in convolutions:
        parametrize.remove_parametrizations(convolution, "weight", leave_parametrized=True)
    for stream in network.streams.values():
        stream.encoder.requires_grad_(True)
    return network


def _convolutions(network: Student) -> list[nn.Conv3d]:
    encoders = [stream.encoder for stream in network.streams.values()]
    return [module for encoder in encoders for module in encoder.modules() if isinstance(module, nn.Conv3d)]
