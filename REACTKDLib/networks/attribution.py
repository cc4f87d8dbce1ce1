"""Which region speaks for which grade: exact, because the head is linear."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Attribution:
    """Each class's logit as a sum over space (method.md, section 7).

    nodes: (B, R, K), node attention a_i^c. background: (B, K), what lies in no region. bias: (K,).
    voxels: (B, K, d, h, w), each voxel's share. For every class:
    bias + background + Σ nodes = bias + Σ voxels = logit.
    """

    nodes: Tensor
    background: Tensor
    bias: Tensor
    voxels: Tensor


@torch.no_grad()
def attribute(features: Tensor, weights: Tensor, head: nn.Linear) -> Attribution:
    """Shares the logits out over regions and voxels, in float32 (method.md, section 7).

    features: (B, C, d, h, w), from `NetworkOutput`. weights: (B, R, d, h, w), soft masks that sum to at most 1 in
    each voxel; the background has the rest. Raises ValueError when the two grids differ.
    """
    if features.shape[2:] != weights.shape[2:] or features.shape[0] != weights.shape[0]:
        raise ValueError(f"attribute: features {tuple(features.shape)} and weights {tuple(weights.shape)} differ")
    with torch.autocast(features.device.type, enabled=False):
        shares = head.weight.float() @ features.float().flatten(2) / features[0, 0].numel()
        regions = weights.float().flatten(2)
        nodes = regions @ shares.mT
        background = (1 - regions.sum(1, keepdim=True)) @ shares.mT
    return Attribution(nodes, background.squeeze(1), head.bias.float(), shares.unflatten(2, features.shape[2:]))


@torch.no_grad()
def centre_head(head: nn.Linear) -> nn.Linear:
    """A head with the same probabilities whose attention says what favours one class over the others.

    Softmax ignores what all classes share, so their mean is taken off weights and bias: a region that raises every
    logit alike then has no attention.
    """
    centred = nn.Linear(head.in_features, head.out_features, device=head.weight.device, dtype=head.weight.dtype)
    centred.weight.copy_(head.weight - head.weight.mean(0))
    centred.bias.copy_(head.bias - head.bias.mean())
    return centred
