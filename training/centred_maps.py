"""Feature maps as methods compare them: without what all cases have in common."""

from dataclasses import replace

from torch import Tensor, nn

from REACTKDLib.networks.architecture import Architecture
from REACTKDLib.networks.batch import NetworkOutput

from .normalised_head import RecentMoments

WHOLE = "whole"


class CentredMaps(nn.Module):
    """Takes from each channel of a network's maps its mean over the voxels of the cases seen last [D].

    The head is linear on standardised features, so training leaves that mean where it began, and it is large: cosines
    of two cases, or two regions, are then 0.98 whatever they are, and there is nothing to learn from an edge, a
    correlation or a contrast. A convolution after it could not know the mean either. Differences, such as distances,
    do not change.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        maps = (WHOLE, *architecture.branches) if architecture.network == "teacher" else (WHOLE,)
        self.moments = nn.ModuleDict({name: RecentMoments(architecture.width) for name in maps})

    def forward(self, output: NetworkOutput) -> NetworkOutput:
        """The same, with maps in float32."""
        return replace(
            output,
            features=self._centred(WHOLE, output.features),
            branch_features={name: self._centred(name, maps) for name, maps in output.branch_features.items()},
        )

    def _centred(self, name: str, maps: Tensor) -> Tensor:
        maps = maps.float()
        mean, _ = self.moments[name](maps.mean((2, 3, 4)))
        return maps - mean[:, None, None, None]
