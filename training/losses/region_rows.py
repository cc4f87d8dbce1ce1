"""Some of a graph's regions, in another order."""

from torch import Tensor

from REACTKDLib.networks.region_graph import RegionGraph


def take_regions(graph: RegionGraph, cases: Tensor, rows: Tensor) -> RegionGraph:
    """The graph of the given rows of the given cases. cases: (G,), rows: (G, n), both int64, never negative."""
    case = cases[:, None]
    edges = graph.edges[case[:, :, None], rows[:, :, None], rows[:, None]]
    return RegionGraph(graph.nodes[case, rows], edges, graph.present[case, rows])
