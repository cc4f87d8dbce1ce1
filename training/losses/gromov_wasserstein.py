"""L_GW."""

from collections import defaultdict

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.region_graph import RegionGraph

from .conditional_gradient import best_local_coupling
from .region_rows import take_regions
from .uniform_couplings import pushes, row_orders, vertices

ENUMERATED = 6
"""Regions up to which every candidate is tried."""


def gromov_wasserstein_loss(student: RegionGraph, teacher: RegionGraph) -> Tensor:
    """min over couplings π of Σ_ijkl | e_ij^s − e_kl^t |² π_ik π_jl, mean over the batch (method.md, section 4).

    The graphs may have different regions and numbers of regions; those present in each weigh the same. The gradient is
    that of the sum at the optimal coupling, and reaches the student alone. Returns a scalar.

    A case without a region in one of the graphs adds zero, and still counts in the mean over the batch.
    """
    # In bfloat16 the difference of three sums would be lost.
    with torch.autocast(student.edges.device.type, enabled=False):
        couplings = optimal_couplings(student, teacher)
        mu, nu, edges = couplings.sum(2), couplings.sum(1), teacher.edges.detach()
        apart = _quadratic(student.edges.square(), mu) + _quadratic(edges.square(), nu)
        together = (student.edges * (couplings @ edges @ couplings.mT)).sum((1, 2))
        return (apart - 2 * together).mean()


@torch.no_grad()
def optimal_couplings(student: RegionGraph, teacher: RegionGraph) -> Tensor:
    """The couplings of L_GW, (B, R, S), for graphs padded to R and S regions; zero where a region is absent.

    Matrices of cosines are positive semidefinite, so the sum is concave in π, and one of the vertices of Π is optimal:
    up to `ENUMERATED` regions all are tried. Beyond, it is the best that conditional gradient finds.
    """
    couplings = student.edges.new_zeros(*student.present.shape, teacher.present.shape[1])
    for cases, rows, columns in _by_size(student.present, teacher.present):
        ours, theirs = take_regions(student, cases, rows), take_regions(teacher, cases, columns)
        couplings[cases[:, None, None], rows[:, :, None], columns[:, None]] = _couple(ours, theirs)
    return couplings


def _couple(ours: RegionGraph, theirs: RegionGraph) -> Tensor:
    """The optimal couplings, (B, n, m), of graphs without absent regions."""
    n, m = ours.nodes.shape[1], theirs.nodes.shape[1]
    if min(n, m) > 1 and max(n, m) > ENUMERATED:
        return _local_couplings(ours, theirs)
    return _best_vertices(ours.edges, theirs.edges) if n <= m else _best_vertices(theirs.edges, ours.edges).mT


def _best_vertices(fewer: Tensor, more: Tensor) -> Tensor:
    """The optimal couplings, (B, n, m), of edges (B, n, n) and (B, m, m), n <= m, found among all vertices of Π."""
    n, m = fewer.shape[1], more.shape[1]
    plans, orders = vertices(n, m).to(more), row_orders(n).to(more.device)
    # A vertex is a plan with its rows in some order; ordering the edges instead leaves one product for all vertices.
    pushed = (more.flatten(1) @ pushes(n, m).to(more).flatten(0, 1).T).unflatten(1, (len(plans), n * n))
    ordered = fewer[:, orders[:, :, None], orders[:, None]].flatten(2)
    best = (ordered @ pushed.mT).flatten(1).argmax(1)
    order, plan = orders[best // len(plans)], plans[best % len(plans)]
    return torch.zeros_like(plan).scatter_(1, order[:, :, None].expand_as(plan), plan)


def _local_couplings(ours: RegionGraph, theirs: RegionGraph) -> Tensor:
    """The couplings, (B, n, m), that conditional gradient finds case by case."""
    costs = 2 - 2 * F.normalize(ours.nodes, dim=-1) @ F.normalize(theirs.nodes, dim=-1).mT
    graphs = zip(*(tensor.double().cpu().numpy() for tensor in (ours.edges, theirs.edges, costs)), strict=True)
    return torch.stack([torch.from_numpy(best_local_coupling(*graph)) for graph in graphs]).to(costs)


def _by_size(ours: Tensor, theirs: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Cases whose graphs have as many regions as each other's, so that each group needs no padding.

    ours: (B, R), theirs: (B, S), presence. Returns for each group its cases, (G,), and their regions, (G, n), (G, m).
    """
    groups = defaultdict(list)
    for case, sizes in enumerate(torch.stack([ours.sum(1), theirs.sum(1)], 1).tolist()):
        if all(sizes):
            groups[tuple(sizes)].append(case)
    return [
        (torch.tensor(cases, device=ours.device), _present(ours[cases], n), _present(theirs[cases], m))
        for (n, m), cases in groups.items()
    ]


def _present(present: Tensor, count: int) -> Tensor:
    """The `count` regions of each case: (G, R) bool to (G, count) int64."""
    return present.nonzero()[:, 1].view(-1, count)


def _quadratic(matrices: Tensor, weights: Tensor) -> Tensor:
    """wᵀ M w of matrices (B, R, R) and weights (B, R): (B,)."""
    return ((matrices @ weights[:, :, None]).squeeze(2) * weights).sum(1)
