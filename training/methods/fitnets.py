"""Hints (Romero et al., 2015)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ._maps import on_one_grid, projection
from .method import DistillBatch, Method


def hint_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """‖ r(F_s) − F_t ‖², mean over voxels, channels and the batch.

    student: r(F_s), teacher: F_t, (B, C, d, h, w). No gradient reaches the teacher. Returns a scalar.
    """
    return F.mse_loss(student, teacher.detach())


class FitNets(Method):
    """With a learned 1x1x1 convolution for the regressor r, trained together with the student, in one stage."""

    title = "FitNets"

    @dataclass(frozen=True)
    class Options:
        """Without unit."""

        hint: float = 100.0
        """Weight, as published."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.project = projection(student, teacher)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        student, teacher = on_one_grid(batch.student.features, batch.teacher.features)
        return {"hint": self.options.hint * hint_loss(self.project(student), teacher)}
