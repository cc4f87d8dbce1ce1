"""L_edge."""

import torch
from torch import Tensor


def edge_loss(student: Tensor, teacher: Tensor, shared: Tensor) -> Tensor:
    """Mean over pairs of shared regions of ( e_ij^s − e_ij^t )², mean over the batch (method.md, section 4).

    student, teacher: (B, R, R), edges e_ij; row i of both is the same region where `shared`, (B, R) bool. Pairs are of
    two different regions. No gradient reaches the teacher. Returns a scalar.

    A case that shares no pair adds zero, and still counts in the mean over the batch, as in `node_loss`.
    """
    others = ~torch.eye(shared.shape[1], dtype=torch.bool, device=shared.device)
    pairs = shared[:, :, None] & shared[:, None, :] & others
    squares = (student - teacher.detach()).square().masked_fill(~pairs, 0)
    return (squares.sum((1, 2)) / pairs.sum((1, 2)).clamp_min(1)).mean()
