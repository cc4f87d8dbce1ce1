"""What an unlabelled case teaches: the same answer at every dose."""

from torch import Tensor

from .distillation import distillation_loss


def dose_consistency_loss(native_logits: Tensor, degraded_logits: Tensor) -> Tensor:
    """KL( softmax(z_native) ‖ softmax(z_degraded) ), mean over the batch (method.md, section 6).

    Both logits: (B, K), of the teacher's dose branch. The native CT is the reference and gets no gradient: the branch
    is to read a degraded CT like a good one, never a good one as uncertainly as a degraded one. Returns a scalar.
    """
    return distillation_loss(degraded_logits, native_logits, temperature=1.0)
