"""L_RGD."""

import torch
from torch import Tensor

from REACTKDLib.networks.region_graph import RegionGraph

from .edges import edge_loss
from .gromov_wasserstein import gromov_wasserstein_loss
from .nodes import node_loss
from .region_rows import take_regions


def region_distillation_loss(
    student: RegionGraph,
    teacher: RegionGraph,
    counterparts: Tensor | None = None,
    *,
    node_weight: float = 1.0,
    edge_weight: float = 1.0,
    gw_weight: float = 1.0,
) -> dict[str, Tensor]:
    """The weighted terms `node`, `edge` and `gw` of L_RGD; their sum is the loss (method.md, section 4) [C].

    student: R regions, its nodes after the learned projection. teacher: S regions. counterparts: (B, R) int64, the
    teacher's row of each of the student's regions, −1 where it has none; without it, row i of both is the same region.
    Regions that either graph lacks are left out of `node` and `edge`, never of `gw`.
    Raises ValueError when the graphs are padded differently and no counterparts are given.
    """
    if counterparts is None:
        if student.present.shape != teacher.present.shape:
            raise ValueError(
                f"region_distillation_loss: {student.present.shape[1]} and {teacher.present.shape[1]} regions "
                "need counterparts"
            )
        counterparts = torch.arange(student.present.shape[1], device=student.present.device).expand_as(student.present)
    cases = torch.arange(len(counterparts), device=counterparts.device)
    matched = take_regions(teacher, cases, counterparts.clamp_min(0))
    shared = student.present & matched.present & (counterparts >= 0)
    return {
        "node": node_weight * node_loss(student.nodes, matched.nodes, shared),
        "edge": edge_weight * edge_loss(student.edges, matched.edges, shared),
        "gw": gw_weight * gromov_wasserstein_loss(student, teacher),
    }
