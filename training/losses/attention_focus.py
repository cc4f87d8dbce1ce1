"""L_focus: what tells the grades apart is to lie in the lesions."""

from torch import Tensor

EPSILON = 1e-20
"""The share of the lesions below which the loss no longer grows. A network whose CBAM3D has closed over the lesions,
with a share of far less than a millionth, is to find back."""


def attention_focus_loss(features: Tensor, lesions: Tensor, weight: Tensor) -> Tensor:
    """− log of the lesions' share of all attention, mean over the batch.

    With s_c(x) = (w_c − w̄)·F(x), each voxel's share of the logit of class c (method.md, section 7) less what all
    classes have in common, which softmax ignores, and M the lesions together:

        L_focus = − log( Σ_x M(x) Σ_c |s_c(x)| / Σ_x Σ_c |s_c(x)| )

    Contributions that cancel count too, so that the map of voxels is as clean as the regions. The logarithm keeps the
    gradient alive where lesions, a hundredth of the grid, have a hundredth of the attention.

    features: (B, C, d, h, w). lesions: (B, d, h, w), soft weights in [0, 1]. weight: (K, C), of the linear head.
    Returns a scalar. A case without a lesion adds a constant.
    """
    attention = ((weight - weight.mean(0)) @ features.float().flatten(2)).abs().sum(1)
    inside = (lesions.flatten(1) * attention).sum(1)
    return -(inside / attention.sum(1).clamp_min(EPSILON)).clamp_min(EPSILON).log().mean()
