"""Shared and specific features (Wang et al., 2023)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ._maps import on_one_grid, projection
from .method import DistillBatch, Method

CT_ONLY, PET_ONLY, BOTH_MODALITIES = range(3)


def shared_feature_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """mean | S_s(x) − S_t(x) | over voxels, channels and the batch.

    student, teacher: (B, C, d, h, w). No gradient reaches the teacher. Returns a scalar.
    """
    return F.l1_loss(student, teacher.detach())


def domains(present: dict[str, Tensor]) -> Tensor:
    """What each student read: CT alone, PET alone or both. present: modality -> (B,) bool. Returns (B,) int64."""
    tracers = [has for modality, has in present.items() if modality != "ct"]
    pet = torch.stack(tracers).any(0) if tracers else torch.zeros_like(present["ct"])
    return torch.where(pet & present["ct"], BOTH_MODALITIES, torch.where(pet, PET_ONLY, CT_ONLY))


class SharedSpecific(Method):
    """What the student's map shares with the teacher's is to be the same whatever was dropped; the specific rest tells
    what the student read.

    The original splits every modality's features and fills a missing one from the shared parts, for which NetworkOutput
    would need `stream_features`. Here the fused map is split by two learned 1x1x1 convolutions: only its two auxiliary
    losses are left of the method, and nothing is filled.
    """

    title = "ShaSpec (adapted)"

    @dataclass(frozen=True)
    class Options:
        """Without unit; as published."""

        shared: float = 0.1
        """Weight of the shared features."""
        domain: float = 0.02
        """Weight of the cross-entropy of what was read."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.share = projection(student, teacher)
        self.specify = nn.Sequential(projection(student, teacher), nn.ReLU())
        self.domain = nn.Linear(teacher.width, BOTH_MODALITIES + 1)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        student, teacher = on_one_grid(batch.student.features, batch.teacher.features)
        guess = self.domain(self.specify(student).mean((2, 3, 4)))
        return {
            "shared": self.options.shared * shared_feature_loss(self.share(student), teacher),
            "domain": self.options.domain * F.cross_entropy(guess, domains(batch.student_present)),
        }
