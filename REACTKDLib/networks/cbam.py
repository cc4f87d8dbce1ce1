"""Attention over channels, then over space, shared by teacher and student (Woo 2018, in 3D)."""

import torch
from torch import Tensor, nn

CHANNEL_RATIO = 8
SPATIAL_KERNEL = 7
LEAST = -2.0
"""Score of a case's most attended voxel, at the least: an attention of 0.12 [D]."""


class CBAM3D(nn.Module):
    """Weights the channels of a map by what is in it, then its voxels (method.md, section 3).

    Raises ValueError when `width` is not a multiple of the channel ratio.
    """

    def __init__(self, width: int):
        super().__init__()
        if width % CHANNEL_RATIO:
            raise ValueError(f"CBAM3D: width is a multiple of {CHANNEL_RATIO}, not {width}")
        self.channel = nn.Sequential(
            nn.Linear(width, width // CHANNEL_RATIO), nn.ReLU(), nn.Linear(width // CHANNEL_RATIO, width)
        )
        self.spatial = nn.Conv3d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, C, d, h, w). Returns the same shape."""
        features = features * self.channel_attention(features)
        return features * self.spatial_attention(features)

    def channel_attention(self, features: Tensor) -> Tensor:
        """(B, C, 1, 1, 1) in (0, 1)."""
        space = (2, 3, 4)
        scores = self.channel(features.mean(space)) + self.channel(features.amax(space))
        return scores.sigmoid()[..., None, None, None]

    def spatial_attention(self, features: Tensor) -> Tensor:
        """(B, 1, d, h, w) in (0, 1); of a case whose scores are all below `LEAST`, relative to the highest of them.

        Heads are trained on standardised features: to them a map is the same at any scale, and nothing would keep the
        attention of all voxels together from falling to where no gradient comes back from.
        """
        summary = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], 1)
        # oneDNN's bfloat16 weight gradient is NaN where the kernel is deeper than the map; float32 costs nothing here.
        with torch.autocast(summary.device.type, enabled=False):
            scores = self.spatial(summary.float())
        missing = (LEAST - scores.amax((2, 3, 4), keepdim=True)).clamp_min(0)
        return (scores + missing).sigmoid()


def share_cbam(teacher: nn.Module, student: nn.Module, frozen: bool = True) -> None:
    """Gives the student the teacher's CBAM3D weights, as a copy; `frozen` keeps training from changing them.

    Raises ValueError when either network was built without CBAM3D.
    """
    for network in (teacher, student):
        if not isinstance(network.cbam, CBAM3D):
            raise ValueError(f"share_cbam: {type(network).__name__} was built without CBAM3D")
    student.cbam.load_state_dict(teacher.cbam.state_dict())
    student.cbam.requires_grad_(not frozen)
