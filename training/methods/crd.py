"""Contrastive representation distillation (Tian et al., 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ._queue import Queue
from .method import DistillBatch, Method


def noise_contrastive_loss(scores: Tensor, positive: Tensor, negative: Tensor, scale: Tensor) -> Tensor:
    """− log( h / (h + m) ) − Σ_j log( m / (h_j + m) ), mean over the B anchors, with h = exp(score) / Z.

    h is of the anchor's one positive, h_j of each of its m negatives; Z is the scores' mean exponential, so that the
    noise's density cancels. scores: (B, n), cosines over τ. positive, negative: (B, n) bool. scale: Z, a scalar.
    Returns a scalar; an anchor without negatives adds zero.
    """
    log_h = scores - scale.log()
    log_m = negative.sum(1, keepdim=True).clamp_min(1).to(scores).log()
    log_sum = torch.logaddexp(log_h, log_m)
    attracted = ((log_h - log_sum) * positive).sum(1) * negative.any(1)
    repelled = ((log_m - log_sum) * negative).sum(1)
    return -(attracted + repelled).mean()


class Contrastive(Method):
    """Pulls a case's student and teacher vectors together, away from those of cases of other grades.

    The original has memory banks with a row a case, whose vectors it averages with momentum 0.5, and draws negatives
    from them. A batch here does not say which case is which: in place of banks there is a queue of the latest student
    and teacher vectors with their grades, and all of the batch and the queue that are of another grade are negatives. A
    case without a grade has no negatives and is none.
    """

    title = "CRD (adapted)"

    @dataclass(frozen=True)
    class Options:
        """Without unit; as published unless marked [D], our decision."""

        width: int = 128
        """Channels of the compared vectors."""
        temperature: float = 0.07
        """τ."""
        contrast: float = 0.8
        """Weight."""
        memory: int = 64
        """Cases remembered; to be below the number of training cases [D]."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        width = self.options.width
        self.embed_student = nn.Linear(student.width, width)
        self.embed_teacher = nn.Linear(teacher.width, width)
        self.queue = Queue(self.options.memory, 2 * width + 1)
        self.register_buffer("scales", torch.zeros(2))

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        student = F.normalize(self.embed_student(batch.student.features.mean((2, 3, 4))), dim=1)
        teacher = F.normalize(self.embed_teacher(batch.teacher.features.detach().mean((2, 3, 4))), dim=1)
        memory = self.queue.filled()
        seen = memory.split([self.options.width, self.options.width, 1], dim=1)
        labels = torch.cat([batch.labels, seen[2].squeeze(1).long()])
        positive = torch.eye(len(student), len(labels), dtype=torch.bool, device=labels.device)
        negative = (batch.labels[:, None] != labels) & (batch.labels[:, None] >= 0) & (labels >= 0)
        scores = (
            student @ torch.cat([teacher, seen[1]]).T / self.options.temperature,
            teacher @ torch.cat([student, seen[0]]).T / self.options.temperature,
        )
        # Z of both directions is that of the first batch, and kept.
        scales = self.scales.clone() if self.scales.any() else torch.stack([s.detach().exp().mean() for s in scores])
        losses = [noise_contrastive_loss(s, positive, negative, z) for s, z in zip(scores, scales, strict=True)]
        if self.training:
            self.scales.copy_(scales)
            self.queue.push(torch.cat([student, teacher, batch.labels[:, None].to(student)], 1))
        return {"contrast": self.options.contrast * sum(losses)}
