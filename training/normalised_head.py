"""A head that learns at the scale of its features, and is a plain linear layer when it has learned."""

import torch
from torch import Tensor, nn


class NormalisedHead(nn.Module):
    """Linear layer on pooled features that are standardised over the batch.

    Between cases the global average of a map varies a hundred times less than the map itself: a linear layer on it
    would have to grow its weights a thousandfold before it says anything. In evaluation the standardisation is a
    constant scale and shift of every channel, so `folded` gives the same logits from a plain `nn.Linear`, and the
    attribution of method.md, section 7, stays exact.
    """

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.standardise = nn.BatchNorm1d(width, affine=False)
        self.linear = nn.Linear(width, classes)

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, C, d, h, w). Returns logits (B, K)."""
        return self.linear(self.standardise(features.float().mean((2, 3, 4))))

    @property
    def weight(self) -> Tensor:
        """(K, C), of the plain layer that the head is in evaluation; gradients reach the linear layer."""
        return self.linear.weight * (self.standardise.running_var + self.standardise.eps).rsqrt()

    @torch.no_grad()
    def folded(self) -> nn.Linear:
        """The same head, as evaluation has it, on features that are not standardised."""
        plain = nn.Linear(self.linear.in_features, self.linear.out_features)
        plain.weight.copy_(self.weight)
        plain.bias.copy_(self.linear.bias - plain.weight @ self.standardise.running_mean)
        return plain
