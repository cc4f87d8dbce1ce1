"""Channel-wise distillation (Shu et al., 2021)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from ._maps import on_one_grid, projection
from .method import DistillBatch, Method


def channel_wise_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² / (B C) Σ_c KL( softmax_x(F_t,c/T) ‖ softmax_x(F_s,c/T) ), the softmax over the voxels of a channel.

    student, teacher: (B, C, d, h, w). No gradient reaches the teacher. Returns a scalar.
    """
    ours = F.log_softmax(student.flatten(2) / temperature, dim=-1)
    theirs = F.log_softmax(teacher.detach().flatten(2) / temperature, dim=-1)
    divergences = F.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    return temperature**2 * divergences.mean()


class ChannelWise(Method):
    """On the projected fused map; the paper leaves it out for need of aligned grids, which adaptive pooling gives."""

    title = "CWD"

    @dataclass(frozen=True)
    class Options:
        """Without unit; as published."""

        temperature: float = 4.0
        """T."""
        channels: float = 50.0
        """Weight."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.project = projection(student, teacher)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        student, teacher = on_one_grid(batch.student.features, batch.teacher.features)
        loss = channel_wise_loss(self.project(student), teacher, options.temperature)
        return {"channels": options.channels * loss}
