"""Attention transfer (Zagoruyko and Komodakis, 2017)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from ._maps import on_one_grid
from .method import DistillBatch, Method


def attention_transfer_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """mean_x ( Q_s(x) − Q_t(x) )², mean over the batch, with Q = vec(mean_c F_c²) at unit L2 norm.

    student: (B, C, d, h, w), teacher: (B, C', d, h, w). No gradient reaches the teacher. Returns a scalar.
    """
    return (_attention(student) - _attention(teacher.detach())).square().mean()


def _attention(features: Tensor) -> Tensor:
    """(B, d h w)."""
    return F.normalize(features.square().mean(1).flatten(1), dim=1)


class AttentionTransfer(Method):
    """On one map, the fused one: the original sums over layers, for which a network would return `stage_features`."""

    title = "AT (adapted)"
    published = True

    @dataclass(frozen=True)
    class Options:
        """Without unit."""

        at: float = 1000.0
        """Weight, as published."""

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        maps = on_one_grid(batch.student.features, batch.teacher.features)
        return {"at": self.options.at * attention_transfer_loss(*maps)}
