"""What makes the forward pass fast on a CPU; results are those of the network as it was built."""

import ctypes
import sys

import torch
from torch import Tensor, nn
from torch.nn import functional

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""

LANES = 16
"""float32 numbers in an AVX-512 register; oneDNN fills it with the output channels of one voxel."""

CHANNEL_BY_CHANNEL_BELOW = 1024
"""Voxels of a map under which torch's group norm leaves its vectorised path for channels-last maps."""


def tune_allocator() -> bool:
    """Keeps freed tensors in the process instead of giving their pages back; True where it could be done.

    glibc maps every large tensor anew, or gives back the top of its heap as soon as it is free, and touching fresh
    pages can cost more than the arithmetic. Only with glibc. Meant for a process that serves inference: memory once
    used stays with it.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return library.mallopt(M_MMAP_MAX, 0) == 1 and library.mallopt(M_TRIM_THRESHOLD, -1) == 1


def prepare_for_cpu_inference(network: nn.Module) -> nn.Module:
    """Makes the network fast on a CPU, in place, and returns it; for evaluation in float32 only.

    Logits stay the same to 1e-4, and so do the names and values of the state dict. It cannot be trained or moved to
    another device afterwards.
    """
    wide_registers = torch.backends.cpu.get_cpu_capability() == "AVX512"
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Conv3d:
                paired = wide_registers and _PairedConv3d.suits(child)
                setattr(module, name, (_PairedConv3d if paired else _DirectConv3d)(child))
            elif type(child) is nn.InstanceNorm3d:
                setattr(module, name, _DirectInstanceNorm3d(child))
    return network.eval().requires_grad_(False)


class _DirectConv3d(nn.Module):
    """Goes to oneDNN, where torch takes its own much slower path for a single case on a small map.

    Channels last: oneDNN then works on the map as it is, without a reordered copy before and after.
    """

    def __init__(self, convolution: nn.Conv3d):
        super().__init__()
        self.weight = nn.Parameter(convolution.weight.contiguous(memory_format=torch.channels_last_3d))
        self.bias = convolution.bias
        self.geometry = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)

    def forward(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last_3d)
        return torch.mkldnn_convolution(images, self.weight, self.bias, *self.geometry)


class _PairedConv3d(_DirectConv3d):
    """Computes each two neighbours of a row as one voxel of twice the channels, so that few channels fill a register.

    Both need four voxels of the row, of which each leaves one out: a third more products, half as many registers.
    """

    @staticmethod
    def suits(convolution: nn.Conv3d) -> bool:
        """Whether this is a plain 3x3x3 convolution that would leave half of each register empty."""
        plain = {
            "kernel_size": (3, 3, 3),
            "stride": (1, 1, 1),
            "padding": (1, 1, 1),
            "dilation": (1, 1, 1),
            "groups": 1,
            "bias": None,
        }
        return 2 * convolution.out_channels <= LANES and all(
            getattr(convolution, name) == value for name, value in plain.items()
        )

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-1] % 2:
            return super().forward(images)
        images = images.contiguous(memory_format=torch.channels_last_3d)
        weight = torch.cat([functional.pad(self.weight, (0, 1)), functional.pad(self.weight, (1, 0))])
        weight = weight.contiguous(memory_format=torch.channels_last_3d)
        pairs = torch.mkldnn_convolution(images, weight, None, (1, 1, 1), (1, 1, 2), (1, 1, 1), 1)
        rows = pairs.movedim(1, -1)
        return rows.reshape(*rows.shape[:3], images.shape[-1], -1).movedim(-1, 1)


class _DirectInstanceNorm3d(nn.Module):
    """The same arithmetic under the name whose kernel is fastest for the map, several times faster than its own.

    Group normalisation with one channel a group, or batch normalisation of a single case.
    """

    def __init__(self, norm: nn.InstanceNorm3d):
        super().__init__()
        self.weight = norm.weight
        self.bias = norm.bias
        self.channels = norm.num_features
        self.eps = norm.eps

    def forward(self, images: Tensor) -> Tensor:
        if len(images) == 1 and images[0, 0].numel() < CHANNEL_BY_CHANNEL_BELOW:
            return functional.batch_norm(images, None, None, self.weight, self.bias, training=True, eps=self.eps)
        return functional.group_norm(images, self.channels, self.weight, self.bias, self.eps)
