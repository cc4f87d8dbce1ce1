"""Adaptively weighted multi-teacher distillation (Eddardaa et al., 2025)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ..losses.distillation import TEMPERATURE
from ._maps import on_one_grid, projection
from ._patches import patch_edge_loss, patch_vectors
from ._teachers import BOTH, branch_logits, teacher_errors, weighted_distillation_loss
from .method import DistillBatch, Method


def adaptive_weights(errors: Tensor) -> Tensor:
    """w_k = ( 1 − softmax_k(CE) ) / (n − 1), which sum to 1. errors: CE, (B, n), n >= 2. Returns (B, n)."""
    return (1 - F.softmax(errors, dim=1)) / (errors.shape[1] - 1)


class AdaptivelyWeighted(Method):
    """Σ_k w_k T² KL over the teacher's branches + features + edges of a graph.

    The exact weighting is not public. Branches share one fused map, on which weights that sum to 1 change nothing: the
    feature and edge terms are unweighted, and would need `branch_features` in NetworkOutput to be. The graph is of
    uniform patches, as the original knows no anatomy.
    """

    title = "AWMTKD (re-implementation)"
    published = True
    teacher_branches = BOTH

    @dataclass(frozen=True)
    class Options:
        """Without unit. [D] our decision, where no source gives them."""

        temperature: float = TEMPERATURE
        """T, the same for all methods [D]."""
        patches: tuple[int, int, int] = (4, 4, 4)
        """Patches along (D, H, W) [D]."""
        response: float = 1.0
        """Weight of the weighted KL."""
        feature: float = 1.0
        """Weight of the features."""
        edge: float = 1.0
        """Weight of the edges."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.project = projection(student, teacher)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        teachers = branch_logits(batch.teacher)
        weights = adaptive_weights(teacher_errors(teachers, batch.labels))
        response = weighted_distillation_loss(batch.student.logits, teachers, weights, options.temperature)
        student, teacher = on_one_grid(batch.student.features, batch.teacher.features)
        edge = patch_edge_loss(patch_vectors(student, options.patches), patch_vectors(teacher, options.patches))
        return {
            "response": options.response * response,
            "feature": options.feature * F.mse_loss(self.project(student), teacher),
            "edge": options.edge * edge,
        }
