"""Whether the regions keep their order of attention when another reader draws them a voxel larger or smaller."""

from dataclasses import replace

import torch
from scipy.stats import spearmanr
from torch import Tensor

from REACTKDLib.imaging.regions import LIVER_LABEL

from ..data.draws import RegionDraw, random_of
from ..data.lost_regions import NEGLIGIBLE
from ..data.raw_batch import RawBatch
from ..data.region_perturbation import fractions, perturbed_label_map


def rank_agreement(nodes_a: Tensor, nodes_b: Tensor) -> float:
    """Spearman's correlation of the regions' attention (R,) of one case under two readings, −1 to 1.

    NaN where all of a reading's are equal: there is no order to keep. Raises ValueError with fewer than two regions.
    """
    if nodes_a.shape != nodes_b.shape or nodes_a.ndim != 1 or len(nodes_a) < 2:
        raise ValueError(
            "rank agreement is of two readings of the same two regions or more, "
            f"not of {tuple(nodes_a.shape)} and {tuple(nodes_b.shape)}"
        )
    if any((nodes == nodes[0]).all() for nodes in (nodes_a, nodes_b)):
        return float("nan")
    return float(spearmanr(nodes_a.detach().cpu().numpy(), nodes_b.detach().cpu().numpy()).statistic)


def jittered(raw: RawBatch, seed: int) -> RawBatch:
    """The cases with every lesion a voxel of the label map larger or smaller, as drawn from (seed, name).

    Label map and regions change together; prepared, so do the representations that are made with the label map, and
    the network reads other images. A region is never lost.
    """
    draws = [_draw(case, name, seed) for case, name in zip(raw.label_map, raw.names, strict=True)]
    label_map = perturbed_label_map(raw.label_map, draws)
    # What changed is added to the weights, which were averaged from the finer grid of the CT.
    change = fractions(label_map, raw.regions) - fractions(raw.label_map, raw.regions)
    regions = (raw.regions + change).clamp_min(0)
    regions = torch.where(regions.sum((2, 3, 4), keepdim=True) > NEGLIGIBLE, regions, raw.regions)
    return replace(raw, label_map=label_map, regions=regions.to(raw.regions.dtype))


def _draw(label_map: Tensor, name: str, seed: int) -> RegionDraw:
    lesions = [label for label in label_map.unique().tolist() if label > LIVER_LABEL]
    larger = random_of(seed, 0, name).random(len(lesions)) < 0.5
    return RegionDraw(
        dilated=tuple(lesion for lesion, grows in zip(lesions, larger, strict=True) if grows),
        eroded=tuple(lesion for lesion, grows in zip(lesions, larger, strict=True) if not grows),
    )
