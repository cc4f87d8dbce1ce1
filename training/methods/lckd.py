"""Learnable cross-modal distillation: the best teacher of each grade is elected (Wang et al., 2023)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ..losses.distillation import TEMPERATURE
from ._teachers import BOTH, branch_logits, teacher_errors, weighted_distillation_loss
from .method import DistillBatch, Method


def elected(errors: Tensor, labels: Tensor) -> Tensor:
    """1 for the teacher with the least error on the case's grade, or on all grades where it has none; 0 for others.

    errors: (n, K), of each teacher on each grade. labels: (B,), −1 without a grade. Returns (B, n).
    """
    votes = torch.cat([errors, errors.mean(1, keepdim=True)], 1)
    # Index −1 is the last column, of all grades.
    return F.one_hot(votes.argmin(0)[labels], len(errors)).float()


class LearnableCrossModal(Method):
    """T² KL to the one branch of the teacher that is elected for the case's grade.

    The original compares features of single modalities, for which NetworkOutput would need `branch_features`, and
    elects on validation cases. Here the branches' logits are compared, and votes are the branches' cross-entropies on
    the training cases, averaged over past batches: a branch that overfits is favoured.
    """

    title = "LCKD (adapted)"
    teacher_branches = BOTH

    @dataclass(frozen=True)
    class Options:
        """Without unit. [D] our decision; the published weight, 0.1, is of a distance of features."""

        temperature: float = TEMPERATURE
        """T, the same for all methods [D]."""
        elected: float = 1.0
        """Weight [D]."""
        momentum: float = 0.9
        """Share of the past in the averaged errors, a batch [D]."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.register_buffer("errors", torch.zeros(len(BOTH), student.classes))
        self.register_buffer("seen", torch.zeros(student.classes, dtype=torch.bool))

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        teachers = branch_logits(batch.teacher)
        if self.training:
            self._vote(teacher_errors(teachers, batch.labels), batch.labels)
        weights = elected(self.errors, batch.labels)
        loss = weighted_distillation_loss(batch.student.logits, teachers, weights, self.options.temperature)
        return {"elected": self.options.elected * loss}

    @torch.no_grad()
    def _vote(self, errors: Tensor, labels: Tensor) -> None:
        """errors: (B, n)."""
        for grade in labels[labels >= 0].unique().tolist():
            latest = errors[labels == grade].mean(0)
            past = self.options.momentum if self.seen[grade] else 0.0
            self.errors[:, grade] = past * self.errors[:, grade] + (1 - past) * latest
            self.seen[grade] = True
