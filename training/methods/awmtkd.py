"""Adaptively weighted multi-teacher distillation (Eddardaa et al., 2025)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from REACTKDLib.networks.architecture import Architecture

from ..losses.distillation import TEMPERATURE
from ._maps import on_one_grid, projection
from ._patches import patch_edge_errors, patch_vectors
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


def adaptive_weights(errors: Tensor, present: Tensor) -> Tensor:
    """w_k = ( 1 − softmax_k(CE) ) / (n − 1) over the n teachers that the case has; an only one has all the weight.

    errors: CE, (B, m). present: (B, m) bool. Returns (B, m), which sum to 1 and are zero where not present.
    """
    count = present.sum(1, keepdim=True)
    weights = (1 - softmax_among(errors, present)) / (count - 1).clamp_min(1)
    return torch.where(count == 1, 1.0, weights) * present


def weighted_feature_loss(students: Sequence[Tensor], teachers: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Σ_k w_k mean_{c,x} ( F_s^k − F_k )², mean over the batch.

    students, teachers: for each teacher k, (B, C, d, h, w). weights: w, (B, n). No gradient reaches teachers or
    weights. Returns a scalar.
    """
    pairs = zip(students, teachers, strict=True)
    errors = [(student - teacher.detach()).square().mean((1, 2, 3, 4)) for student, teacher in pairs]
    return _weighted(errors, weights)


def weighted_edge_loss(student: Tensor, teachers: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Σ_k w_k mean over pairs of patches of ( cos_ij^s − cos_ij^k )², mean over the batch.

    student: (B, P, C), teachers: (B, P, C') each, patch vectors. weights: w, (B, n). No gradient reaches teachers or
    weights. Returns a scalar.
    """
    return _weighted([patch_edge_errors(student, teacher) for teacher in teachers], weights)


def _weighted(errors: Sequence[Tensor], weights: Tensor) -> Tensor:
    """errors: (B,) of each teacher."""
    return (weights.detach() * torch.stack(list(errors), 1)).sum(1).mean()


class AdaptivelyWeighted(Method):
    """Σ_k w_k ( T² KL + features + edges of a graph ) over the teacher's branches, w by their errors on the case.

    The exact weighting is not public. Each branch has a projection of its own; the graph is of uniform patches, as the
    original knows no anatomy. The branches stand for its several teachers, and the fused head, a mixture of both, is
    none.
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
        self.project = nn.ModuleList(projection(student, teacher) for _ in BOTH)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        logits = branch_logits(batch.teacher)
        weights = adaptive_weights(teacher_errors(logits, batch.labels), branch_present(batch.teacher))
        response = weighted_distillation_loss(batch.student.logits, logits, weights, options.temperature)
        maps = [on_one_grid(batch.student.features, features) for features in branch_features(batch.teacher)]
        student, teachers = maps[0][0], [teacher for _, teacher in maps]
        feature = weighted_feature_loss([project(student) for project in self.project], teachers, weights)
        ours, *theirs = (patch_vectors(features, options.patches) for features in (student, *teachers))
        return {
            "response": options.response * response,
            "feature": options.feature * feature,
            "edge": options.edge * weighted_edge_loss(ours, theirs, weights),
        }
