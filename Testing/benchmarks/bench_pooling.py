"""Region features from the fused map."""

import torch
from torch import Tensor
from torch.nn import functional

from REACTKDLib.networks.region_graph import masked_average
from Testing.benchmarks.common import Row, measure

CASES, REGIONS, CHANNELS = 8, 4, 128
GRID, STRIDE = (32, 96, 96), 4


def rows() -> list[Row]:
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(CASES, REGIONS, *GRID, generator=generator)
    weights = functional.avg_pool3d(masks, STRIDE)
    features = torch.randn(CASES, CHANNELS, *weights.shape[2:], generator=generator)
    work = f"pooling {REGIONS} regions of {CASES} cases, 8x24x24x{CHANNELS}"
    ours = measure(lambda: masked_average(features, weights), repeats=30)
    return [
        Row(work, ours, "loop over regions", measure(lambda: loop(features, weights)), "soft weights made once a case"),
        Row(
            work,
            ours,
            "features upsampled, then a loop",
            measure(lambda: upsample_then_loop(features, masks), repeats=3, warmup=1),
            "the baseline upsamples one case at a time, or it would need gigabytes",
        ),
    ]


def loop(features: Tensor, weights: Tensor) -> Tensor:
    """The same averages, region by region."""
    nodes = [
        [(case * weight).sum((1, 2, 3)) / weight.sum() for weight in case_weights]
        for case, case_weights in zip(features, weights, strict=True)
    ]
    return torch.stack([torch.stack(case) for case in nodes])


def upsample_then_loop(features: Tensor, masks: Tensor) -> Tensor:
    """Averages at full resolution, region by region."""
    cases = []
    for case, case_masks in zip(features, masks, strict=True):
        full = functional.interpolate(case[None], size=masks.shape[2:], mode="trilinear")[0]
        cases.append(torch.stack([(full * mask).sum((1, 2, 3)) / mask.sum() for mask in case_masks]))
    return torch.stack(cases)
