"""One node a region, the cosine of their features between them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-8
"""The weight below which a region counts as absent, in feature voxels."""


@dataclass(frozen=True)
class RegionGraph:
    """The regions of B cases, padded to R (method.md, section 4).

    nodes: (B, R, C), mean feature v_i. edges: (B, R, R), cosine e_ij. present: (B, R) bool; rows of absent regions are
    zero in both.
    """

    nodes: Tensor
    edges: Tensor
    present: Tensor


def region_graph(features: Tensor, weights: Tensor) -> RegionGraph:
    """Pools regions from a map, in float32 (method.md, v_i and e_ij).

    features: (B, C, d, h, w). weights: (B, R, d, h, w), soft masks in [0, 1]; zero for padding.
    Raises ValueError when the two grids differ.
    """
    with torch.autocast(features.device.type, enabled=False):
        nodes = masked_average(features.float(), weights.float())
        directions = functional.normalize(nodes, dim=-1)
        return RegionGraph(nodes, directions @ directions.mT, weights.sum((2, 3, 4)) > EPSILON)


def masked_average(features: Tensor, weights: Tensor) -> Tensor:
    """Mean feature of each region; zero for a region without weight (method.md, v_i).

    features: (B, C, d, h, w). weights: (B, R, d, h, w), soft masks in [0, 1]. Returns (B, R, C).
    Raises ValueError when the two grids differ.
    """
    if features.shape[2:] != weights.shape[2:] or features.shape[0] != weights.shape[0]:
        raise ValueError(f"masked_average: features {tuple(features.shape)} and weights {tuple(weights.shape)} differ")
    weights = weights.flatten(2)
    return weights @ features.flatten(2).mT / weights.sum(-1, keepdim=True).clamp_min(EPSILON)
