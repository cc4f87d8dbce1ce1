"""A train step of one of the teacher's streams on a CPU."""

import torch
from monai.networks.nets.swin_unetr import SwinTransformer
from torch import nn

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import REPRESENTATION_CHANNELS
from REACTKDLib.networks.cpu import tune_allocator
from REACTKDLib.networks.swin import DEPTHS, HEADS, PATCH
from Testing.benchmarks.common import Row, in_fresh_process
from Testing.benchmarks.training_step import step_seconds

ARCHITECTURE = Architecture(network="teacher", branches=("dose",))
"""A branch of one stream, at feature size 48."""
CASES = 2
DEFAULT_WINDOW = (7, 7, 7)
"""Of MONAI's SwinUNETR; 16 x 48 x 48 tokens are padded to 21 x 49 x 49."""


def rows() -> list[Row]:
    default, _ = in_fresh_process(default_seconds)
    ours, peak = in_fresh_process(our_seconds)
    return [
        Row(
            f"train step of a teacher stream, {CASES} x 32x96x96",
            ours,
            "MONAI's defaults",
            default,
            "forward, loss, backward, AdamW at feature size 48; ours: windows that divide the tokens, flash attention, "
            "bf16, tuned allocator; baseline: window 7, fp32, the allocator as it comes",
            peak_mb=peak,
        )
    ]


def our_seconds() -> float:
    tune_allocator()
    torch.manual_seed(0)
    return step_seconds(build_network(ARCHITECTURE), ("ct",), CASES, repeats=5, bf16=True)


def default_seconds() -> float:
    torch.manual_seed(0)
    return step_seconds(default_teacher(), ("ct",), CASES, repeats=3)


def default_teacher() -> nn.Module:
    """The same network around MONAI's SwinViT with the options it comes with."""
    network = build_network(ARCHITECTURE)
    network.streams["dose"].encoder = SwinTransformer(
        in_chans=REPRESENTATION_CHANNELS,
        embed_dim=ARCHITECTURE.feature_size,
        window_size=DEFAULT_WINDOW,
        patch_size=(PATCH,) * 3,
        depths=DEPTHS,
        num_heads=HEADS,
    )
    return network
