"""Decoupled distillation (Zhao et al., 2022)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from .method import DistillBatch, Method


def target_class_loss(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """TCKD = T² KL( [p_y, 1 − p_y]_t ‖ [p_y, 1 − p_y]_s ), mean over the cases with a grade.

    student, teacher: logits (B, K). labels: (B,), −1 without a grade. No gradient reaches the teacher. Returns a
    scalar, zero where no case has a grade.
    """
    ours = _target_or_not(student / temperature, labels)
    theirs = _target_or_not(teacher.detach() / temperature, labels)
    return temperature**2 * _divergence(ours, theirs, labels)


def other_classes_loss(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """NCKD = T² KL of the softmax over all classes but y; as `target_class_loss` otherwise."""
    ours = _others(student / temperature, labels)
    theirs = _others(teacher.detach() / temperature, labels)
    return temperature**2 * _divergence(ours, theirs, labels)


def _target_or_not(logits: Tensor, labels: Tensor) -> Tensor:
    """log [p_y, 1 − p_y], (B, 2), from log p, which stays finite where a class is certain."""
    log_p = F.log_softmax(logits, dim=-1)
    target = F.one_hot(labels.clamp_min(0), logits.shape[1]).bool()
    return torch.stack([log_p[target], log_p[~target].view(len(logits), -1).logsumexp(1)], 1)


def _others(logits: Tensor, labels: Tensor) -> Tensor:
    """log softmax without class y, (B, K − 1)."""
    target = F.one_hot(labels.clamp_min(0), logits.shape[1]).bool()
    return F.log_softmax(logits[~target].view(len(logits), -1), dim=1)


def _divergence(ours: Tensor, theirs: Tensor, labels: Tensor) -> Tensor:
    """KL( theirs ‖ ours ) of log probabilities (B, n), mean over the cases with a grade."""
    graded = labels >= 0
    divergences = F.kl_div(ours, theirs, reduction="none", log_target=True).sum(1)
    return (divergences * graded).sum() / graded.sum().clamp_min(1)


class Decoupled(Method):
    """α TCKD + β NCKD, both rising linearly over the first batches.

    The original rises over 20 epochs of 240; here over a number of batches, whatever the length of the training.
    """

    title = "DKD"

    @dataclass(frozen=True)
    class Options:
        """Without unit unless said; as published unless marked [D], our decision."""

        temperature: float = 4.0
        """T."""
        target: float = 1.0
        """α."""
        others: float = 0.5
        """β, to be tuned [D]: with three classes there are only two others. Published is 8 for a hundred, with which
        the student does not learn the grades here; of 8, 2 and 0.5 this did best on validation cases of phantoms."""
        warm_up: int = 40
        """Training batches until the full weight [D]: a twelfth, as published, of 480 batches."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        if self.training:
            self.batches += 1
        share = (self.batches.clamp_min(1) / max(options.warm_up, 1)).clamp_max(1)
        given = batch.student.logits, batch.teacher.logits, batch.labels, options.temperature
        return {
            "target": share * options.target * target_class_loss(*given),
            "others": share * options.others * other_classes_loss(*given),
        }
