"""Region graphs of random features, for tests of what compares them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.region_graph import RegionGraph


def graph_of(nodes: Tensor, present: Tensor | None = None) -> RegionGraph:
    """The graph of features (B, R, C) in their own precision; all regions present unless said otherwise."""
    present = torch.ones(nodes.shape[:2], dtype=torch.bool) if present is None else present
    nodes = nodes * present[..., None]
    directions = F.normalize(nodes, dim=-1)
    return RegionGraph(nodes, directions @ directions.mT, present)


def random_graph(*sizes: int, rows: int | None = None, seed: int = 0, channels: int = 6) -> RegionGraph:
    """One case a size, padded to `rows` or to the largest; double precision, gradients reach `nodes` and `edges`."""
    generator = torch.Generator().manual_seed(seed)
    rows = rows or max(sizes)
    nodes = torch.randn(len(sizes), rows, channels, generator=generator, dtype=torch.float64)
    return graph_of(nodes.requires_grad_(), torch.arange(rows) < torch.tensor(sizes)[:, None])


def reordered(graph: RegionGraph, order: Sequence[int]) -> RegionGraph:
    """The same graph with its rows in another order."""
    order = list(order)
    return RegionGraph(graph.nodes[:, order], graph.edges[:, order][:, :, order], graph.present[:, order])
