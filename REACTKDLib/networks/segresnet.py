"""The encoder of a SegResNet, alone: importing MONAI for it would take longer than grading a case."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional


class SegResEncoder(nn.Module):
    """Stages of residual blocks, each at half the resolution and twice the channels of the one before (Myronenko 2018).

    blocks_down: residual blocks of each stage. Weights have the names, shapes and first values of MONAI's
    `SegResEncoder` with instance normalisation.
    """

    def __init__(self, in_channels: int, init_filters: int, blocks_down: Sequence[int]):
        super().__init__()
        channels = [init_filters * 2**stage for stage in range(len(blocks_down))]
        self.conv_init = _convolution(in_channels, init_filters)
        self.layers = nn.ModuleList(
            _Stage(width, blocks, wider)
            for width, blocks, wider in zip(channels, blocks_down, [*channels[1:], None], strict=True)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """images: (B, in_channels, D, H, W). Returns the map of each stage, finest first."""
        maps = [self.layers[0].blocks(self.conv_init(images))]
        for finer, stage in pairwise(self.layers):
            maps.append(stage.blocks(finer.downsample(maps[-1])))
        return maps


class _Stage(nn.Module):
    """Residual blocks, and what leads from them to the next stage, if there is one."""

    def __init__(self, channels: int, blocks: int, wider: int | None):
        super().__init__()
        self.blocks = nn.Sequential(*(_ResidualBlock(channels) for _ in range(blocks)))
        self.downsample = nn.Identity() if wider is None else _convolution(channels, wider, stride=2)


class _ResidualBlock(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x))))))."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm1 = nn.InstanceNorm3d(channels, affine=True)
        self.conv1 = _convolution(channels, channels)
        self.norm2 = nn.InstanceNorm3d(channels, affine=True)
        self.conv2 = _convolution(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        change = self.conv1(functional.relu(self.norm1(features), inplace=True))
        change = self.conv2(functional.relu(self.norm2(change), inplace=True))
        return change.add_(features)


def _convolution(channels: int, filters: int, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(channels, filters, kernel_size=3, stride=stride, padding=1, bias=False)
