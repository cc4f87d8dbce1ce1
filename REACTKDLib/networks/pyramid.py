"""The maps of an encoder, brought onto the finest of them."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class Pyramid(nn.Module):
    """Projects a map to the shared width and adds the context of the deeper ones (method.md, section 3).

    The sum is normalised over channels and space, case by case: encoders whose blocks add up let their maps grow while
    they learn, in teacher and student by other factors, and the CBAM3D that both share would saturate, and a missing
    stream's token be nothing beside them.

    channels: of each map, finest first.
    """

    def __init__(self, channels: Sequence[int], width: int):
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Conv3d(count, width, kernel_size=1, bias=depth == 0) for depth, count in enumerate(channels)
        )
        self.norm = nn.GroupNorm(1, width)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """maps: (B, channels[i], d_i, h_i, w_i), finest first. Returns (B, width, d_0, h_0, w_0)."""
        *finer, deepest = [lateral(features) for lateral, features in zip(self.laterals, maps, strict=True)]
        for features in reversed(finer):
            deepest = features + functional.interpolate(deepest, size=features.shape[2:], mode="trilinear")
        return self.norm(deepest)
