"""A mixture of specialised teachers (Li et al., 2025)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ._teachers import BOTH, branch_logits, branch_present, weighted_distillation_loss
from .method import DistillBatch, Method


def routes(gates: Tensor, present: Tensor, count: int) -> Tensor:
    """Equal shares for the `count` teachers with the highest gates among those the case has, 0 for others.

    A case that has fewer shares itself among those. gates: (B, n), in [0, 1]. present: (B, n) bool. Returns (B, n).
    """
    chosen = torch.zeros_like(gates).scatter(1, gates.masked_fill(~present, -1).topk(count, dim=1).indices, 1) * present
    return chosen / chosen.sum(1, keepdim=True).clamp_min(1)


def balance_loss(gates: Tensor) -> Tensor:
    """KL( uniform ‖ mean gate ) / n: zero where all teachers are used alike over the batch.

    gates: (B, n), each row summing to 1. Returns a scalar.
    """
    mean = gates.mean(0)
    return -(mean * mean.numel()).log().mean() / mean.numel()


class SpecialisedTeachers(Method):
    """T² KL to the teachers that a gate chooses by the student's logits: the whole teacher and its two branches.

    The original's specialists are copies of the teachers with learned masks on their features, trained in a stage of
    their own; for those a method would need the teacher's heads. Here the branches are the specialists. As in the
    original the gate learns from the balance of its choices alone, whether or not the case has what it chooses; unlike
    there, the balance does not reach the student.
    """

    title = "MST-Distill (adapted)"
    teacher_branches = BOTH

    @dataclass(frozen=True)
    class Options:
        """Without unit unless said; as published."""

        temperature: float = 4.0
        """T."""
        routed: float = 1.0
        """Weight of the KL."""
        balance: float = 1.0
        """Weight of the balance."""
        teachers: int = 1
        """Teachers chosen for a case, 1 to 3."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        classes = student.classes
        self.gate = nn.Sequential(nn.Linear(classes, 2 * classes), nn.Linear(2 * classes, len(BOTH) + 1))

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        teachers = torch.cat([batch.teacher.logits.detach()[:, None], branch_logits(batch.teacher)], 1)
        gates = F.softmax(self.gate(batch.student.logits.detach()), dim=1)
        present = F.pad(branch_present(batch.teacher), (1, 0), value=True)
        weights = routes(gates, present, options.teachers)
        routed = weighted_distillation_loss(batch.student.logits, teachers, weights, options.temperature)
        return {"routed": options.routed * routed, "balance": options.balance * balance_loss(gates)}
