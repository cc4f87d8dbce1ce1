"""Similarity-preserving distillation (Tung and Mori, 2019)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from .method import DistillBatch, Method


def similarity_preserving_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """‖ norm(G_s) − norm(G_t) ‖²_F / B², G = F Fᵀ over the cases of a batch, each row at unit L2 norm.

    student: (B, C, d, h, w), teacher: (B, C', d', h', w'). No gradient reaches the teacher. Returns a scalar, which
    for one case alone is zero.
    """
    return (_similarities(student) - _similarities(teacher.detach())).square().mean()


def _similarities(features: Tensor) -> Tensor:
    """(B, B)."""
    vectors = features.flatten(1)
    return F.normalize(vectors @ vectors.T, dim=1)


PUBLISHED_BATCH = 64
"""Cases, for which the weight was published."""


class SimilarityPreserving(Method):
    """Compares cases of one batch. The more there are, the smaller is each entry of a row of unit norm, and the loss
    falls with 1 / B: the weight follows the batch, or it would drown the classification of small ones. For 8 cases it
    is 375, not the published 3000.
    """

    title = "SP"

    @dataclass(frozen=True)
    class Options:
        """Without unit."""

        sp: float = 3000.0
        """Weight for a batch of 64, as published; of B cases it is B / 64 of it [D]."""

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        loss = similarity_preserving_loss(batch.student.features, batch.teacher.features)
        return {"sp": self.options.sp * len(batch.labels) / PUBLISHED_BATCH * loss}
