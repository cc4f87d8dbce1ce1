"""Which tracer a student's PET shows, and how it is read accordingly."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .batch import ModalityBatch


class TracerConditioning(nn.Module):
    """A learned scale and shift of each channel for each tracer.

    With dedifferentiation FDG uptake rises and acetate uptake falls: read alike, two tracers cancel out. The first is
    read as it is. Of each other, half of the channels, drawn at random, start with the opposite sign, so that the
    network can weigh a tracer either way from the first step on.
    """

    def __init__(self, tracers: int, width: int):
        super().__init__()
        scale = torch.ones(tracers, width)
        for signs in scale[1:]:
            signs[torch.randperm(width)[: width // 2]] = -1
        self.scale = nn.Parameter(scale)
        self.shift = nn.Parameter(torch.zeros(tracers, width))

    def forward(self, features: Tensor, tracer: Tensor) -> Tensor:
        """features: (B, C, d, h, w). tracer: (B,) int64, its place among the tracers. Returns the shape of features."""
        scale, shift = (values[tracer, :, None, None, None].to(features.dtype) for values in (self.scale, self.shift))
        return torch.addcmul(shift, scale, features)


def tracer_of_each(batch: ModalityBatch, tracers: Sequence[str]) -> Tensor:
    """The place in `tracers` of the one that each case has, -1 for a case without PET: (B,) int64.

    Raises ValueError when a case has several tracers, or an image that is neither CT nor one of `tracers`.
    """
    readable = ("ct", *tracers)
    for modality in batch.images:
        if modality not in readable and batch.present[modality].any():
            raise ValueError(f"the student reads {', '.join(readable)}; a case of the batch has {modality}")
    found = torch.full((batch.size,), -1, device=batch.device)
    several = torch.zeros(batch.size, dtype=torch.bool, device=batch.device)
    for place, tracer in enumerate(tracers):
        present = batch.presence(tracer)
        several |= present & (found >= 0)
        found = found.masked_fill(present, place)
    if several.any():
        cases = several.nonzero().squeeze(1).tolist()
        raise ValueError(f"cases {cases} of the batch have several tracers; the student reads one of {tuple(tracers)}")
    return found


def pet_images(batch: ModalityBatch, tracers: Sequence[str]) -> Tensor | None:
    """The image of the tracer that each case has: (B, 3, D, H, W), meaningful where there is one; None without any."""
    images = None
    for tracer in tracers:
        if tracer in batch.images:
            present = batch.present[tracer][:, None, None, None, None]
            images = batch.images[tracer] if images is None else torch.where(present, batch.images[tracer], images)
    return images


def zero_filled(batch: ModalityBatch, tracers: Sequence[str]) -> ModalityBatch:
    """Every case with a CT and one of the tracers, of zeros where it has none: the control of a learned token."""
    like = next(iter(batch.images.values()))
    lacking = {"ct": ~batch.presence("ct")}
    if tracers:
        lacking[tracers[0]] = tracer_of_each(batch, tracers) < 0
    images, present = dict(batch.images), dict(batch.present)
    for modality, rows in lacking.items():
        image = images.get(modality, torch.zeros_like(like))
        images[modality] = image.masked_fill(rows[:, None, None, None, None], 0)
        present[modality] = batch.presence(modality) | rows
    return ModalityBatch(images, present)
