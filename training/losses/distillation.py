"""L_KD."""

from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 2.0
"""T [C]."""


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """T² KL( softmax(z_t/T) ‖ softmax(z_s/T) ), mean over the batch (method.md, section 4).

    Both logits: (B, K). No gradient reaches the teacher. Returns a scalar.
    """
    student = F.log_softmax(student_logits.float() / temperature, dim=-1)
    teacher = F.log_softmax(teacher_logits.detach().float() / temperature, dim=-1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)
