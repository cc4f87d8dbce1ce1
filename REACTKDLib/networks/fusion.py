"""The streams a case has become one map; a learned token stands for each it lacks."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Fusion(nn.Module):
    """F = Σ_s p_s F_s / Σ_s p_s + Σ_s (1 - p_s) token_s, with p_s the presence of stream s (method.md, section 3)."""

    def __init__(self, streams: Sequence[str], width: int):
        super().__init__()
        self.tokens = nn.ParameterDict(
            {stream: nn.Parameter(nn.init.trunc_normal_(torch.empty(width), std=0.02)) for stream in streams}
        )

    def forward(self, maps: Mapping[str, Tensor], present: Mapping[str, Tensor], streams: Sequence[str]) -> Tensor:
        """The fused map over `streams`; a case that has none of them gets their tokens alone.

        maps: stream -> (B, C, d, h, w), zero for the cases that lack it; a stream missing from the whole batch may be
        left out, but not all of the network's. present: stream -> (B,) bool. Returns (B, C, d, h, w).
        """
        like = next(iter(maps.values()))
        presence = torch.stack([present[stream] for stream in streams], 1).to(like.dtype)
        tokens = torch.stack([self.tokens[stream] for stream in streams]).to(like.dtype)
        filled = (1 - presence) @ tokens
        share = 1 / presence.sum(1).clamp_min(1)
        total = sum((maps[stream] for stream in streams if stream in maps), start=torch.zeros_like(like))
        return torch.addcmul(filled[..., None, None, None], total, share[:, None, None, None, None])


def encode_present(encoder: nn.Module, images: Tensor | None, present: Tensor, *conditions: Tensor) -> Tensor | None:
    """The encoder's maps, computed only for the cases that have the stream.

    images: (B, c, D, H, W), may be None where no case has the stream. present: (B,) bool. conditions: (B, ...), what
    the encoder is told of each case beside its image. Returns (B, C, d, h, w), zero where not present; None where no
    case is.
    """
    if present.all():
        return encoder(images, *conditions)
    rows = present.nonzero().squeeze(1)
    if not len(rows):
        return None
    maps = encoder(images[rows], *(condition[rows] for condition in conditions))
    return maps.new_zeros(len(images), *maps.shape[1:]).index_copy(0, rows, maps)


def require_a_stream(present: Mapping[str, Tensor]) -> None:
    """Raises ValueError when a case has none of the streams. present: stream -> (B,) bool."""
    lacking = ~torch.stack(list(present.values())).any(0)
    if lacking.any():
        cases = lacking.nonzero().squeeze(1).tolist()
        raise ValueError(f"cases {cases} of the batch have none of the streams {tuple(present)}; each needs one")
