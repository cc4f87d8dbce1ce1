"""Where bfloat16 can be trusted."""

from .architecture import Architecture

WRONG_DEPTH = 2


def bf16_safe(architecture: Architecture) -> bool:
    """Whether the network can be trained under bfloat16 autocast on a CPU.

    oneDNN's bfloat16 weight gradient of a 3x3x3, stride 1 `Conv3d` is wrong, up to infinite, on maps of depth 2. The
    student has such convolutions on every map, the teacher on the one that is read.
    """
    strides = (architecture.stride,) if architecture.network == "teacher" else architecture.strides
    return all(architecture.map_grid(stride)[0] != WRONG_DEPTH for stride in strides)
