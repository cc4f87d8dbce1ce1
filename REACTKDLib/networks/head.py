"""From a map to class scores."""

import torch
from torch import Tensor, nn


def classify(head: nn.Linear, features: Tensor) -> Tensor:
    """Logits of the global average (method.md, section 3). features: (B, C, d, h, w). Returns (B, K) float32."""
    # In float32 under autocast too: the attribution of section 7 has to add up to these logits.
    with torch.autocast(features.device.type, enabled=False):
        return head(features.float().mean((2, 3, 4)))
