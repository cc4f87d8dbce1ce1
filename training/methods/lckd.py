"""Learnable cross-modal distillation: the best teacher of each grade is elected (Wang et al., 2023)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ..losses.distillation import TEMPERATURE
from ._teachers import BOTH, branch_logits, branch_present, teacher_errors, weighted_distillation_loss
from .method import DistillBatch, Method


def elected(errors: Tensor, labels: Tensor, present: Tensor) -> Tensor:
    """1 for the teacher with the least error on the case's grade, or on all grades where it has none; 0 for others.

    errors: (n, K), of each teacher on each grade. labels: (B,), −1 without a grade. present: (B, n) bool, the teachers
    that stand for election in the case. Returns (B, n).
    """
    votes = torch.cat([errors, errors.mean(1, keepdim=True)], 1)
    # Index −1 is the last column, of all grades.
    standing = votes.T[labels].masked_fill(~present, torch.inf)
    return F.one_hot(standing.argmin(1), len(errors)).float() * present


class LearnableCrossModal(Method):
    """T² KL to the one branch of the teacher that is elected for the case's grade.

    The original compares features of single modalities, for which NetworkOutput would need `stream_features`, and
    elects on validation cases. Here the branches' logits are compared, and votes are the branches' cross-entropies on
    the training cases that have them, averaged over past batches: a branch that overfits is favoured. The fused head
    does not stand for election: in the original single modalities do.
    """

    title = "LCKD (adapted)"
    teacher_branches = BOTH

    @dataclass(frozen=True)
    class Options:
        """Without unit. [D] our decision."""

        temperature: float = TEMPERATURE
        """T, the same for all methods [D]."""
        elected: float = 1.0
        """Weight [D], that of KD; the published one, 0.1, is of a distance of features."""
        momentum: float = 0.9
        """Share of the past in the averaged errors, a batch [D]."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        # What a guess errs: a branch that has not been heard on a grade is no better.
        self.register_buffer("errors", torch.full((len(BOTH), student.classes), math.log(student.classes)))
        self.register_buffer("seen", torch.zeros(len(BOTH), student.classes, dtype=torch.bool))

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        teachers, present = branch_logits(batch.teacher), branch_present(batch.teacher)
        if self.training:
            self._vote(teacher_errors(teachers, batch.labels), batch.labels, present)
        weights = elected(self.errors, batch.labels, present)
        loss = weighted_distillation_loss(batch.student.logits, teachers, weights, self.options.temperature)
        return {"elected": self.options.elected * loss}

    @torch.no_grad()
    def _vote(self, errors: Tensor, labels: Tensor, present: Tensor) -> None:
        """errors, present: (B, n)."""
        heard = F.one_hot(labels.clamp_min(0), self.errors.shape[1]) * (labels >= 0)[:, None]
        # (n, K): of each teacher on each grade.
        counts = present.T.to(errors) @ heard.to(errors)
        latest = (errors * present).T @ heard.to(errors) / counts.clamp_min(1)
        past = self.options.momentum * self.seen
        self.errors.copy_(torch.where(counts > 0, past * self.errors + (1 - past) * latest, self.errors))
        self.seen |= counts > 0
