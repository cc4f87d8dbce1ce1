"""What makes the forward pass fast on a CPU; results are those of the network as it was built."""

import ctypes
import sys

import torch
from torch import Tensor, nn
from torch.nn import functional

M_MMAP_MAX = -4
"""Of glibc's malloc.h."""


def tune_allocator() -> bool:
    """Keeps freed tensors in the process instead of giving their pages back; True where it could be done.

    glibc maps every large tensor anew, and touching fresh pages can cost more than the arithmetic. Only with glibc.
    Meant for a process that serves inference: memory once used stays with it.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return library.mallopt(M_MMAP_MAX, 0) == 1


def prepare_for_cpu_inference(network: nn.Module) -> nn.Module:
    """Makes the network fast on a CPU, in place, and returns it; for evaluation in float32 only.

    Logits stay the same to 1e-4, and so do the names and values of the state dict. It cannot be trained or moved to
    another device afterwards.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Conv3d:
                setattr(module, name, _DirectConv3d(child))
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


class _DirectInstanceNorm3d(nn.Module):
    """Group normalisation with one channel a group: the same arithmetic, in a kernel several times faster."""

    def __init__(self, norm: nn.InstanceNorm3d):
        super().__init__()
        self.weight = norm.weight
        self.bias = norm.bias
        self.channels = norm.num_features
        self.eps = norm.eps

    def forward(self, images: Tensor) -> Tensor:
        return functional.group_norm(images, self.channels, self.weight, self.bias, self.eps)
