"""The teacher's stream encoder: a SwinViT whose windows fit the grid."""

from collections.abc import Sequence

from monai.networks.blocks import UnetrBasicBlock
from monai.networks.nets.swin_unetr import SwinTransformer
from torch import Tensor, nn

from .architecture import SWIN_STAGES
from .pyramid import Pyramid

PATCH = 2
DEPTHS = (2, 2, 2, 2)
HEADS = (3, 6, 12, 24)
WINDOWS = (4, 5, 6, 7)
"""Tokens a side; MONAI's default is 7."""


def attention_window(grid: Sequence[int]) -> tuple[int, ...]:
    """The window that pads the tokens of all stages least; of equals, the largest.

    grid: network input, voxels (D, H, W). A window that does not divide its tokens makes attention run on padding.
    """
    return tuple(min(WINDOWS, key=lambda window: (_padded(-(-n // PATCH), window), -window)) for n in grid)


def _padded(tokens: int, window: int) -> float:
    """By how much all stages together grow along an axis. A stage smaller than the window is not padded."""
    growth = 1.0
    for _ in DEPTHS:
        if tokens > window:
            growth *= -(-tokens // window) * window / tokens
        tokens = -(-tokens // 2)
    return growth


class SwinStream(nn.Module):
    """The SwinUNETR encoder, read at `stride` (method.md, section 3).

    As in SwinUNETR, the map that is read passes a residual convolution block of its own: at stride 2 it is a linear
    function of single patches before.

    grid: the network input it is meant for, voxels (D, H, W); another works, slower.
    """

    def __init__(self, channels: int, feature_size: int, grid: Sequence[int], stride: int, width: int):
        super().__init__()
        self.encoder = SwinTransformer(
            in_chans=channels,
            embed_dim=feature_size,
            window_size=attention_window(grid),
            patch_size=(PATCH, PATCH, PATCH),
            depths=DEPTHS,
            num_heads=HEADS,
            use_flash_attention=True,
        )
        self.tap = stride.bit_length() - 2
        tapped = feature_size * 2**self.tap
        self.block = UnetrBasicBlock(3, tapped, tapped, kernel_size=3, stride=1, norm_name="instance", res_block=True)
        self.pyramid = Pyramid([feature_size * 2**stage for stage in range(self.tap, SWIN_STAGES)], width)

    def forward(self, images: Tensor) -> Tensor:
        """images: (B, channels, D, H, W). Returns (B, width, d, h, w)."""
        finest, *deeper = self.encoder(images)[self.tap :]
        return self.pyramid([self.block(finest), *deeper])
