"""What a network's head says of the lesions alone."""

import torch
from torch import Tensor, nn

from .normalised_head import RecentMoments


class LesionHead(nn.Module):
    """Grades a case by its lesions, with the weights of the network's own head.

    For the mean feature v of the lesions and the head's weights w,

        z_c = g (w_c − w̄)·v / σ

    is, but for a positive factor, what the lesions add to the logit of class c less what all classes have in common
    (method.md, section 7). Graded by it, lesions come to speak for the grade that they have: by L_cls alone the signs
    are anybody's guess, as long as liver and background make up for them. For the same reason no constant is added.

    σ: root mean square of the scores (w_c − w̄)·v over the cases seen last: lesions are a hundredth of the map whose
    average the head is scaled for. g is learned and positive.
    """

    def __init__(self, classes: int):
        super().__init__()
        self.moments = RecentMoments(classes)
        self.log_gain = nn.Parameter(torch.zeros(()))

    def forward(self, means: Tensor, weight: Tensor) -> Tensor:
        """means: (B, C), of the lesions. weight: (K, C), of the head as a plain linear layer. Returns (B, K)."""
        scores = means @ (weight - weight.mean(0)).mT
        size = torch.stack(self.moments(scores)).square().sum(0).mean().sqrt()
        return self.log_gain.exp() * scores / size
