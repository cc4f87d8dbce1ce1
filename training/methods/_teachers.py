"""Several teachers at once: the branches of the dual teacher, weighted case by case among those the case has."""

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.batch import NetworkOutput

BOTH = ("structure", "dose")
"""The branches that methods with several teachers take for their teachers."""


def branch_logits(teacher: NetworkOutput) -> Tensor:
    """(B, n, K) of both branches. No gradient reaches them."""
    return torch.stack([teacher.branch_logits[branch] for branch in BOTH], 1).detach()


def branch_features(teacher: NetworkOutput) -> list[Tensor]:
    """(B, C, d, h, w) of each of both branches. No gradient reaches them."""
    return [teacher.branch_features[branch].detach() for branch in BOTH]


def branch_present(teacher: NetworkOutput) -> Tensor:
    """(B, n) bool: where false the branch says nothing about the case, and is not to teach it."""
    return torch.stack([teacher.branch_present[branch] for branch in BOTH], 1)


def softmax_among(scores: Tensor, present: Tensor) -> Tensor:
    """exp(s_k) / Σ_j exp(s_j) over the teachers that the case has. scores, present: (B, n). Zero where not present."""
    return F.softmax(scores.masked_fill(~present, torch.finfo(scores.dtype).min), dim=1) * present


def teacher_errors(teachers: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each teacher in each case.

    teachers: (B, n, K). labels: (B,), −1 without a grade: no teacher is then better than another, all errors are 0.
    Returns (B, n).
    """
    log_p = F.log_softmax(teachers.detach(), dim=-1)
    chosen = labels.clamp_min(0)[:, None, None].expand(-1, teachers.shape[1], 1)
    return -log_p.gather(2, chosen).squeeze(2) * (labels >= 0)[:, None]


def weighted_distillation_loss(student: Tensor, teachers: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """Σ_k w_k T² KL( softmax(z_k/T) ‖ softmax(z_s/T) ), mean over the batch.

    student: (B, K). teachers: (B, n, K). weights: w, (B, n). No gradient reaches teachers or weights. Returns a scalar.
    """
    ours = F.log_softmax(student / temperature, dim=-1)[:, None].expand_as(teachers)
    theirs = F.log_softmax(teachers.detach() / temperature, dim=-1)
    divergence = F.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    return temperature**2 * (weights.detach() * divergence).sum(1).mean()
