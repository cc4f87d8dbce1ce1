"""What goes into a network, and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

REPRESENTATION_CHANNELS = 3
"""`full`, `masked` and `lesion` of each modality (method.md, 2.5)."""


@dataclass(frozen=True)
class ModalityBatch:
    """The modalities of B cases on one grid, and which of them each case has.

    images: modality -> (B, 3, D, H, W): `ct`, `fdg`, `act` and, for the teacher where it differs from the CT, `dose`.
    A modality without an image is missing for the whole batch.
    present: modality -> (B,) bool, for each image. Where false the image is never read, whatever it holds.
    Raises ValueError where shapes differ or an image has no presence.
    """

    images: Mapping[str, Tensor]
    present: Mapping[str, Tensor]

    def __post_init__(self):
        if not self.images:
            raise ValueError("ModalityBatch: there is no image; a case has at least its CT or its PET")
        shape = next(iter(self.images.values())).shape
        if len(shape) != 5 or shape[1] != REPRESENTATION_CHANNELS:
            raise ValueError(f"ModalityBatch: images are (B, {REPRESENTATION_CHANNELS}, D, H, W), not {tuple(shape)}")
        for modality, image in self.images.items():
            if image.shape != shape:
                raise ValueError(f"ModalityBatch: {modality} is {tuple(image.shape)}, the others are {tuple(shape)}")
            if modality not in self.present:
                raise ValueError(f"ModalityBatch: {modality} has an image but no presence")
        for modality, present in self.present.items():
            if present.dtype != torch.bool or present.shape != shape[:1]:
                raise ValueError(
                    f"ModalityBatch: presence of {modality} is bool ({shape[0]},), "
                    f"not {present.dtype} {tuple(present.shape)}"
                )
            if modality not in self.images and present.any():
                raise ValueError(f"ModalityBatch: {modality} is present but has no image")

    @property
    def size(self) -> int:
        """Number of cases, B."""
        return next(iter(self.images.values())).shape[0]

    @property
    def device(self) -> torch.device:
        return next(iter(self.images.values())).device

    def presence(self, modality: str) -> Tensor:
        """Which cases have the modality: (B,) bool."""
        if modality in self.images:
            return self.present[modality]
        return torch.zeros(self.size, dtype=torch.bool, device=self.device)

    def to(self, device: torch.device | str) -> "ModalityBatch":
        return ModalityBatch(
            {modality: image.to(device) for modality, image in self.images.items()},
            {modality: present.to(device) for modality, present in self.present.items()},
        )


@dataclass(frozen=True)
class NetworkOutput:
    """What a network says of B cases.

    logits: (B, K) float32. features: (B, C, d, h, w), the fused map after CBAM3D, from which both logits and regions
    are pooled. The rest is of the teacher's branches and empty for the student. branch_logits: branch -> (B, K).
    branch_features: branch -> (B, C, d, h, w), what they are pooled from. branch_present: branch -> (B,) bool, whether
    the case has one of the branch's streams: where false, logits and features are of missing-stream tokens alone.
    """

    logits: Tensor
    features: Tensor
    branch_logits: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}))
    branch_features: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}))
    branch_present: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}))
