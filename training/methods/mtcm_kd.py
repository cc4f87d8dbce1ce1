"""Multi-teacher cross-modal distillation with teachers weighted by performance (Ahmad et al., 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ..losses.distillation import TEMPERATURE
from ._maps import halved, on_one_grid, projection
from ._teachers import (
    BOTH,
    branch_features,
    branch_logits,
    branch_present,
    softmax_among,
    teacher_errors,
    weighted_distillation_loss,
)
from .method import DistillBatch, Method

EPSILON = 1e-12


def performance_weights(errors: Tensor, present: Tensor) -> Tensor:
    """w_k = exp(−CE_k) / Σ_j exp(−CE_j) over the teachers that the case has.

    errors: CE, (B, n). present: (B, n) bool. Returns (B, n), zero where not present.
    """
    return softmax_among(-errors, present)


def attention_fused(teachers: Sequence[Tensor], present: Tensor) -> Tensor:
    """Σ_k a_k(x) F_k(x) with a_k = A_k / Σ_j A_j, A = mean_c F², over the teachers that the case has.

    In each voxel the teacher that is most active there counts most. teachers: (B, C, d, h, w) each. present: (B, n)
    bool. Returns (B, C, d, h, w).
    """
    attention = torch.stack([features.square().mean(1, keepdim=True) for features in teachers], 1)
    attention = (attention + EPSILON) * present[..., None, None, None, None]
    shares = attention / attention.sum(1, keepdim=True).clamp_min(EPSILON)
    return sum(share * features for share, features in zip(shares.unbind(1), teachers, strict=True))


def multi_scale_loss(student: Tensor, teacher: Tensor, scales: int) -> Tensor:
    """Mean over `scales` of the mean squared difference, each scale half as fine as the one before.

    student, teacher: (B, C, d, h, w). No gradient reaches the teacher. Returns a scalar.
    """
    teacher = teacher.detach()
    return sum(F.mse_loss(halved(student, times), halved(teacher, times)) for times in range(scales)) / scales


class PerformanceWeighted(Method):
    """Σ_k w_k T² KL over the teacher's branches + their maps, fused by attention, at several scales.

    There is no public code: the attention is that of AT, between branches, and averages of the fused map take the place
    of deeper stages, for which NetworkOutput would need `stage_features`. The original weighs
    several teachers, which learn from each other by that fusion; here they are the branches, as they were trained, and
    the fused head, a mixture of both, is none. The weights of both terms are ours.
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
        logits, present = branch_logits(batch.teacher), branch_present(batch.teacher)
        weights = performance_weights(teacher_errors(logits, batch.labels), present)
        response = weighted_distillation_loss(batch.student.logits, logits, weights, options.temperature)
        fused = attention_fused(branch_features(batch.teacher), present)
        student, teacher = on_one_grid(batch.student.features, fused)
        feature = multi_scale_loss(self.project(student), teacher, options.scales)
        return {"response": options.response * response, "feature": options.feature * feature}
