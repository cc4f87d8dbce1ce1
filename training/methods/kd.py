"""Logit distillation (Hinton et al., 2015)."""

from dataclasses import dataclass

from torch import Tensor

from ..losses.distillation import TEMPERATURE, distillation_loss
from .method import DistillBatch, Method


class LogitDistillation(Method):
    """L_KD of method.md, section 4."""

    title = "KD"
    published = True

    @dataclass(frozen=True)
    class Options:
        """Without unit. Sources: [C] the authors' code, [D] our decision."""

        temperature: float = TEMPERATURE
        """T [C]; 4 is usual elsewhere."""
        kd: float = 1.0
        """Weight [C]."""

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        loss = distillation_loss(batch.student.logits, batch.teacher.logits, self.options.temperature)
        return {"kd": self.options.kd * loss}
