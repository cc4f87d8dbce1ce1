"""L_node."""

from torch import Tensor
from torch.nn import functional as F


def node_loss(student: Tensor, teacher: Tensor, shared: Tensor) -> Tensor:
    """Mean over shared regions of ‖ v̂_i^s − v̂_i^t ‖², mean over the batch (method.md, section 4).

    student, teacher: (B, R, C), nodes v_i, those of the student after its projection; row i of both is the same region
    where `shared`, (B, R) bool. No gradient reaches the teacher. Returns a scalar.

    A case that shares nothing adds zero, and still counts in the mean over the batch: so the loss of a batch is the
    mean of the losses of its parts, however it is split over processes.
    """
    differences = F.normalize(student, dim=-1) - F.normalize(teacher.detach(), dim=-1)
    squares = differences.square().sum(-1).masked_fill(~shared, 0)
    return (squares.sum(1) / shared.sum(1).clamp_min(1)).mean()
