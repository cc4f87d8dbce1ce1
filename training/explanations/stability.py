"""Whether the regions keep their order of attention when another reader draws them a voxel larger or smaller."""

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor

from REACTKDLib.imaging.regions import LIVER_LABEL

from ..data.draws import RegionDraw
from ..data.region_perturbation import perturbed_regions


def rank_agreement(nodes_a: Tensor, nodes_b: Tensor) -> float:
    """Spearman's correlation of the node attention (R,) of one case under two readings, −1 to 1.

    Raises ValueError with fewer than two regions, or where all of a reading's are equal: there is no order to keep.
    """
    if nodes_a.shape != nodes_b.shape or nodes_a.ndim != 1 or len(nodes_a) < 2:
        raise ValueError(
            "rank agreement is of two readings of the same two regions or more, "
            f"not of {tuple(nodes_a.shape)} and {tuple(nodes_b.shape)}"
        )
    if any((nodes == nodes[0]).all() for nodes in (nodes_a, nodes_b)):
        raise ValueError("all regions have the same attention: they have no order")
    return float(spearmanr(nodes_a.detach().cpu().numpy(), nodes_b.detach().cpu().numpy()).statistic)


def jittered(regions: Tensor, label_map: Tensor, seed: int) -> Tensor:
    """The regions with every lesion a voxel of the label map larger or smaller, as drawn from (seed, case's place).

    regions: (B, R, d, h, w) soft weights, row r the label r + 1. label_map: (B, D, H, W) uint8. Returns weights of the
    same shape. The images are not drawn anew: what the network reads stays as it was.
    """
    return perturbed_regions(regions, label_map, [_draw(case, seed, place) for place, case in enumerate(label_map)])


def _draw(label_map: Tensor, seed: int, place: int) -> RegionDraw:
    lesions = [label for label in label_map.unique().tolist() if label > LIVER_LABEL]
    larger = np.random.default_rng((seed, place)).random(len(lesions)) < 0.5
    return RegionDraw(
        dilated=tuple(lesion for lesion, grows in zip(lesions, larger, strict=True) if grows),
        eroded=tuple(lesion for lesion, grows in zip(lesions, larger, strict=True) if not grows),
    )
