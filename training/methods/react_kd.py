"""REACT-KD: logit and region graph distillation (method.md, section 4)."""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from REACTKDLib.networks.architecture import Architecture
from REACTKDLib.networks.region_graph import RegionGraph, region_graph

from ..losses.distillation import TEMPERATURE, distillation_loss
from ..losses.region_distillation import region_distillation_loss
from ._maps import on_grid
from .method import DistillBatch, Method


class ReactKD(Method):
    """λ_kd L_KD + λ_rgd ( w_node L_node + w_edge L_edge + w_gw L_GW ).

    The student's graph is of perturbed regions, the teacher's of all. Nodes are compared after a learned linear layer,
    which on a region's mean is the same as a 1x1x1 convolution of the map; edges as they are.
    """

    title = "REACT-KD"
    published = True

    @dataclass(frozen=True)
    class Options:
        """Without unit. Sources: [C] the authors' code, [D] our decision."""

        temperature: float = TEMPERATURE
        """T [C]."""
        kd: float = 1.0
        """λ_kd [D], to be chosen among 0.1, 0.3, 1 by cross-validation."""
        rgd: float = 1.0
        """λ_rgd [D], likewise; 0 turns region graphs off and leaves KD (Table II)."""
        node: float = 1.0
        """w_node [C]."""
        edge: float = 1.0
        """w_edge [C]."""
        gw: float = 1.0
        """w_gw [C]."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        if self.options.rgd:
            self.project = nn.Linear(student.width, teacher.width, bias=False)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        kd = distillation_loss(batch.student.logits, batch.teacher.logits, options.temperature)
        if not options.rgd:
            return {"kd": options.kd * kd}
        student = _graph(batch.student.features, batch.student_regions)
        regions = region_distillation_loss(
            replace(student, nodes=self.project(student.nodes)),
            _graph(batch.teacher.features, batch.regions),
            node_weight=options.rgd * options.node,
            edge_weight=options.rgd * options.edge,
            gw_weight=options.rgd * options.gw,
        )
        return {"kd": options.kd * kd, **regions}


def _graph(features: Tensor, weights: Tensor) -> RegionGraph:
    return region_graph(features, on_grid(weights, features.shape[2:]))
