"""Modality-weighted distillation with learned importance (Wang et al., 2024)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ..losses.distillation import TEMPERATURE
from ._teachers import BOTH, branch_logits, branch_present, softmax_among, weighted_distillation_loss
from .method import DistillBatch, Method


def importance_weights(importance: Tensor, present: Tensor) -> Tensor:
    """softmax(a) among the teachers that each case has. importance: a, (n,). present: (B, n) bool. Returns (B, n)."""
    return softmax_among(importance.expand(len(present), -1), present)


def importance_loss(weights: Tensor, teachers: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of Σ_k w_k z_k, mean over the cases with a grade: low where the right teacher weighs most.

    weights: w, (B, n). teachers: (B, n, K), without gradient. labels: (B,), −1 without a grade. Returns a scalar.
    """
    mixed = (weights[..., None] * teachers.detach()).sum(1)
    losses = F.cross_entropy(mixed, labels, reduction="none", ignore_index=-1)
    return losses.sum() / (labels >= 0).sum().clamp_min(1)


class MetaLearned(Method):
    """Σ_k w_k T² KL over the teacher's branches, with learned w = softmax(a).

    The original weighs distances between the features of each pair of modalities, for which NetworkOutput would need
    `stream_features`, and learns a in an outer loop on validation cases. Here the branches' logits are weighed, and a
    learns on the training cases from its own term, which does not reach the student. The fused head is no teacher: it
    is of all modalities, and has no importance to be learned. No weight is the original's.
    """

    title = "MetaKD (adapted)"
    teacher_branches = BOTH

    @dataclass(frozen=True)
    class Options:
        """Without unit. All [D], our decision: the original weighs other distances."""

        temperature: float = TEMPERATURE
        """T, the same for all methods [D]."""
        kd: float = 1.0
        """Weight of the weighted KL [D]."""
        importance: float = 1.0
        """Weight of the loss that the importances a learn from [D]."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.importance = nn.Parameter(torch.zeros(len(BOTH)))

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        teachers = branch_logits(batch.teacher)
        weights = importance_weights(self.importance, branch_present(batch.teacher))
        kd = weighted_distillation_loss(batch.student.logits, teachers, weights, options.temperature)
        return {
            "kd": options.kd * kd,
            "importance": options.importance * importance_loss(weights, teachers, batch.labels),
        }
