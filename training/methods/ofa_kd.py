"""One-for-all distillation, for a convolutional student of a transformer (Hao et al., 2023)."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture

from .method import DistillBatch, Method


def one_for_all_loss(student: Tensor, teacher: Tensor, labels: Tensor, epsilon: float, temperature: float) -> Tensor:
    """− Σ_c ( (p_c^t + y_c)^ε − y_c ) log p_c^s, mean over the batch; p = softmax(z/T), y one-hot.

    At ε = 1 its minimum is the teacher's entropy, where both agree. student, teacher: logits (B, K). labels: (B,); a
    case without a grade, −1, has y = 0. No gradient reaches the teacher. Returns a scalar.
    """
    target = F.one_hot(labels.clamp_min(0), student.shape[1]) * (labels >= 0)[:, None]
    weights = (F.softmax(teacher.detach() / temperature, dim=1) + target) ** epsilon - target
    return -(weights * F.log_softmax(student / temperature, dim=1)).sum(1).mean()


class OneForAll(Method):
    """On the logits and on those of an exit, a small head of its own on the fused map.

    The original has an exit for each of the student's stages, for which NetworkOutput would need `stage_features`; here
    the fused map is the only stage.
    """

    title = "OFA-KD (adapted)"

    @dataclass(frozen=True)
    class Options:
        """Without unit; as published."""

        temperature: float = 1.0
        """T."""
        epsilon: float = 1.0
        """ε; above 1 the target class counts more."""
        kd: float = 1.0
        """Weight on the logits."""
        exit: float = 1.0
        """Weight on the logits of the exit."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        # Without the convolution the exit would be a second copy of the student's linear head.
        self.head = nn.Sequential(
            nn.Conv3d(student.width, teacher.width, kernel_size=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Linear(teacher.width, student.classes),
        )

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        given = batch.teacher.logits, batch.labels, options.epsilon, options.temperature
        return {
            "kd": options.kd * one_for_all_loss(batch.student.logits, *given),
            "exit": options.exit * one_for_all_loss(self.head(batch.student.features), *given),
        }
