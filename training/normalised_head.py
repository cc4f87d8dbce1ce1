"""A head that learns at the scale of its features, and is a plain linear layer when it has learned."""

import torch
from torch import Tensor, distributed, nn

FIRST, LAST = 10, 500
"""Cases that the statistics of training reach back over, at its start and at its end [D]."""
LASTING = 200
"""Cases that those of evaluation reach back over."""
EPSILON = 1e-8
"""Variance of a channel that hardly varies."""


class RecentMoments(nn.Module):
    """Mean and standard deviation of each channel over the cases seen last, of all processes.

    The gradient goes through the present batch's part of them. In training they reach back over `memory` cases. Few,
    and learning starts sooner; but then each batch is measured by itself, a shift of all its cases goes unnoticed, and
    cases with PET and without drift apart from each other and from what evaluation sees. Hence it grows, with
    `lengthen_memory`.
    """

    def __init__(self, width: int):
        super().__init__()
        self.memory: float = FIRST
        # Weighted numbers of cases, sums and sums of squares. In float64: a variance as a difference of sums loses
        # half of the digits.
        self.register_buffer("recent", torch.zeros(3, width, dtype=torch.float64))
        self.register_buffer("lasting", torch.zeros(3, width, dtype=torch.float64))

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Of the last cases, with these among them in training. values: (B, C). Returns two of (C,), float32."""
        return _moments(self._with(values.double()) if self.training else self.lasting)

    @property
    def deviation(self) -> Tensor:
        """As the last batch had it, or evaluation has it: (C,)."""
        return _moments(self.recent if self.training else self.lasting)[1]

    def forget(self) -> None:
        """As if no case had been seen."""
        self.recent.zero_()
        self.lasting.zero_()

    def _with(self, values: Tensor) -> Tensor:
        """The recent sums with these cases; both memories keep them."""
        new = torch.stack([torch.ones_like(values), values, values.square()]).sum(1)
        if distributed.is_initialized():
            # Every process counts the cases of all, so that they stay alike.
            new = _SumOverProcesses.apply(new)
        count = float(new.detach()[0, 0])
        sums = _kept(count, self.memory) * self.recent + new
        self.recent = sums.detach()
        self.lasting = _kept(count, LASTING) * self.lasting + new.detach()
        return sums


class _SumOverProcesses(torch.autograd.Function):
    """Every process's loss depends on the sum, so every process's gradient reaches every summand."""

    @staticmethod
    def forward(ctx, summand: Tensor) -> Tensor:
        total = summand.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class NormalisedHead(nn.Module):
    """Linear layer on pooled features that are standardised by the mean and variance of the cases seen last.

    Between cases the global average of a map varies a hundred times less than the map itself: a linear layer on it
    would have to grow its weights a thousandfold before it says anything. As in batch normalisation the gradient goes
    through the statistics, or most of it would move all cases alike; unlike there they reach back over a few batches,
    so that a batch may be of two cases. In evaluation they are constants, so `folded` gives the same logits from a
    plain `nn.Linear`, and the attribution of method.md, section 7, stays exact.
    """

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.linear = nn.Linear(width, classes)
        self.moments = RecentMoments(width)

    def forward(self, pooled: Tensor) -> Tensor:
        """pooled: (B, C), global averages of maps. Returns logits (B, K)."""
        mean, deviation = self.moments(pooled)
        return self.linear((pooled - mean) / deviation)

    @property
    def weight(self) -> Tensor:
        """(K, C), of the plain layer that the head is now; gradients reach the linear layer."""
        return self.linear.weight / self.moments.deviation

    @torch.no_grad()
    def folded(self) -> nn.Linear:
        """The same head, as evaluation has it, on features that are not standardised."""
        plain = nn.Linear(self.linear.in_features, self.linear.out_features, device=self.linear.weight.device)
        mean, deviation = _moments(self.moments.lasting)
        plain.weight.copy_(self.linear.weight / deviation)
        plain.bias.copy_(self.linear.bias - plain.weight @ mean)
        return plain


def normalise_heads(network: nn.Module) -> None:
    """Puts a normalised head where the network, a student or teacher, has linear ones."""
    width, classes = network.architecture.width, network.architecture.classes
    network.head = NormalisedHead(width, classes)
    for branch in getattr(network, "branch_heads", ()):
        network.branch_heads[branch] = NormalisedHead(width, classes)


def lengthen_memory(network: nn.Module, progress: float) -> None:
    """Along a training, from its start, 0, to its end, 1: the memory of its heads grows geometrically."""
    for module in network.modules():
        if isinstance(module, RecentMoments):
            module.memory = FIRST * (LAST / FIRST) ** progress


def fold_heads(network: nn.Module) -> None:
    """Puts linear heads with the same logits in their place again."""
    network.head = network.head.folded()
    for branch in getattr(network, "branch_heads", ()):
        network.branch_heads[branch] = network.branch_heads[branch].folded()


def _kept(count: float, memory: float) -> float:
    """What is left of a case's weight after `count` others, in statistics that reach back over `memory` cases."""
    return (1 - 1 / memory) ** count


def _moments(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, (C,) float32; 0 and 1 of no case."""
    count, total, squares = sums
    mean = total / count.clamp_min(1)
    variance = torch.where(count > 0, (squares / count.clamp_min(1) - mean.square()).clamp_min(0), 1)
    return mean.float(), (variance + EPSILON).sqrt().float()
