"""Multi-teacher cross-modal distillation with teachers weighted by performance (Ahmad et al., 2024)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ..losses.distillation import TEMPERATURE
from ._maps import halved, on_one_grid, projection
from ._teachers import BOTH, branch_logits, teacher_errors, weighted_distillation_loss
from .method import DistillBatch, Method


def performance_weights(errors: Tensor) -> Tensor:
    """w_k = exp(−CE_k) / Σ_j exp(−CE_j). errors: CE, (B, n). Returns (B, n)."""
    return F.softmax(-errors, dim=1)


def multi_scale_loss(student: Tensor, teacher: Tensor, scales: int) -> Tensor:
    """Mean over `scales` of the mean squared difference, each scale half as fine as the one before.

    student, teacher: (B, C, d, h, w). No gradient reaches the teacher. Returns a scalar.
    """
    teacher = teacher.detach()
    return sum(F.mse_loss(halved(student, times), halved(teacher, times)) for times in range(scales)) / scales


class PerformanceWeighted(Method):
    """Σ_k w_k T² KL over the teacher's branches + features at several scales.

    There is no public code. The teacher's fused map, which CBAM3D attends to, takes the place of the original's
    attention over the teachers' features, and its averages that of deeper stages; a closer version would need
    `branch_features` and `stage_features` in NetworkOutput.
    """

    title = "MTCM-KD (re-implementation)"
    published = True
    teacher_branches = BOTH

    @dataclass(frozen=True)
    class Options:
        """Without unit. [D] our decision, where no source gives them."""

        temperature: float = TEMPERATURE
        """T, as published."""
        response: float = 1.0
        """Weight of the weighted KL [D]."""
        feature: float = 1.0
        """Weight of the features [D]."""
        scales: int = 3
        """Scales of the features, as published 2-3."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.project = projection(student, teacher)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        teachers = branch_logits(batch.teacher)
        weights = performance_weights(teacher_errors(teachers, batch.labels))
        response = weighted_distillation_loss(batch.student.logits, teachers, weights, options.temperature)
        student, teacher = on_one_grid(batch.student.features, batch.teacher.features)
        feature = multi_scale_loss(self.project(student), teacher, options.scales)
        return {"response": options.response * response, "feature": options.feature * feature}
