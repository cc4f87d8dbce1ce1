"""L_cls."""

from torch import Tensor
from torch.nn import functional as F

FOCUSING = 2.0
"""γ [C]."""


def focal_loss(logits: Tensor, labels: Tensor, weights: Tensor, focusing: float = FOCUSING) -> Tensor:
    """− α_y (1 − p_y)^γ log p_y, mean over the batch (method.md, section 4).

    logits: (B, K). labels: (B,) integers. weights: α, (K,). Returns a scalar.
    """
    log_p = F.log_softmax(logits.float(), dim=-1).gather(1, labels[:, None]).squeeze(1)
    return (weights[labels] * -((1 - log_p.exp()) ** focusing) * log_p).mean()
