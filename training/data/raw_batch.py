"""Cases of the cache as they leave the disk, each with its draw, and several of them side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from REACTKDLib.imaging.regions import LIVER_LABEL
from REACTKDLib.imaging.spec import TRACERS

from .draws import LOW_DOSE, NATIVE, CaseDraw
from .entry import CachedCase

UNLABELLED = -1
"""The label of a case without a grade."""


@dataclass(frozen=True)
class RawCase:
    """A case and what it gets in one epoch. label: its grade, or None."""

    name: str
    case: CachedCase
    label: int | None
    draw: CaseDraw


@dataclass(frozen=True)
class RawBatch:
    """B cases, nothing yet moved, dropped or standardised.

    images: `ct` and, where a case reads them, `dose`, `fdg`, `act` -> (B, D, H, W) float16 on [0, 1], zero where a case
    has none; without `dose`, it is the `ct`. label_map: (B, D, H, W) uint8. regions: (B, R, d, h, w) float16, row r the
    label r + 1, zero rows as padding. labels: (B,) int64.
    """

    names: tuple[str, ...]
    images: Mapping[str, Tensor]
    label_map: Tensor
    regions: Tensor
    labels: Tensor
    draws: tuple[CaseDraw, ...]

    def to(self, device: torch.device | str) -> "RawBatch":
        return replace(
            self,
            images={name: image.to(device) for name, image in self.images.items()},
            label_map=self.label_map.to(device),
            regions=self.regions.to(device),
            labels=self.labels.to(device),
        )


def collate(cases: Sequence[RawCase]) -> RawBatch:
    """Cases side by side, their regions padded to the largest number."""
    draws = tuple(case.draw for case in cases)
    images = {"ct": _stacked([case.case.images[_ct_at(case.draw.ct_level)] for case in cases])}
    if any(draw.dose_level != draw.ct_level for draw in draws):
        images["dose"] = _stacked([case.case.images[_ct_at(case.draw.dose_level)] for case in cases])
    for tracer in TRACERS:
        if any(tracer in draw.modalities for draw in draws):
            nothing = np.zeros_like(cases[0].case.images["ct"])
            images[tracer] = _stacked([case.case.images.get(tracer, nothing) for case in cases])
    return RawBatch(
        tuple(case.name for case in cases),
        images,
        _stacked([case.case.label_map for case in cases]),
        _padded_regions([case.case for case in cases]),
        torch.tensor([UNLABELLED if case.label is None else case.label for case in cases]),
        draws,
    )


def _ct_at(level: str) -> str:
    return "ct" if level == NATIVE else LOW_DOSE + level


def _padded_regions(cases: Sequence[CachedCase]) -> Tensor:
    """(B, R, d, h, w). Row r is the label r + 1 even in a liver whose lesions leave no parenchyma."""
    count = max(label for case in cases for label in case.labels)
    regions = torch.zeros(len(cases), count, *cases[0].region_weights.shape[1:], dtype=torch.float16)
    for rows, case in zip(regions, cases, strict=True):
        rows[[label - LIVER_LABEL for label in case.labels]] = torch.from_numpy(case.region_weights)
    return regions


def _stacked(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
