"""What networks are trained and measured on: a batch on one device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from REACTKDLib.imaging.spec import TRACERS, PreprocessingSpec
from REACTKDLib.networks.batch import ModalityBatch

from .augmentation import Volumes, augment
from .raw_batch import RawBatch
from .region_perturbation import perturbed_regions
from .representations import blank_full, ct_representations, pet_representations


@dataclass(frozen=True)
class TrainingBatch:
    """B cases on one device, augmented alike for teacher and student.

    images: modality -> (B, 3, D, H, W) float32, the representations; `ct`, `dose` (the CT at the drawn level) and the
    tracers that a case of the batch has. present: modality -> (B,) bool, what the teacher reads. student_present:
    likewise for `ct` and tracers, at most one tracer a case, after modality dropout. student_ct: the image that the
    student reads as its CT.
    regions: (B, R, d, h, w) float32 soft weights that sum to at most 1, row 0 the parenchyma, zero rows as padding.
    student_regions: the same rows after perturbation, that of a dropped lesion zero. lesions: (B, d, h, w), all
    together. labels: (B,) int64, -1 without a grade.
    """

    names: tuple[str, ...]
    images: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    student_present: Mapping[str, Tensor]
    student_ct: Literal["ct", "dose"]
    regions: Tensor
    student_regions: Tensor
    lesions: Tensor
    labels: Tensor

    def for_teacher(self) -> ModalityBatch:
        """Everything that a case has, or that an evaluation gives."""
        return ModalityBatch(self.images, self.present)

    def for_student(self) -> ModalityBatch:
        """What the student may read."""
        images = {"ct": self.images[self.student_ct]}
        images |= {tracer: self.images[tracer] for tracer in self.student_present if tracer != "ct"}
        return ModalityBatch(images, self.student_present)

    def to(self, device: torch.device | str) -> "TrainingBatch":
        return replace(
            self,
            images=_moved(self.images, device),
            present=_moved(self.present, device),
            student_present=_moved(self.student_present, device),
            regions=self.regions.to(device),
            student_regions=self.student_regions.to(device),
            lesions=self.lesions.to(device),
            labels=self.labels.to(device),
        )


@torch.no_grad()
def prepare(raw: RawBatch, device: torch.device | str, spec: PreprocessingSpec) -> TrainingBatch:
    """A batch, augmented and standardised on the device.

    spec: with the CT constants of the training cohort.
    Raises ValueError where the network's grid is no multiple of the regions'.
    """
    raw = raw.to(device)
    draws = raw.draws
    images = {modality: image.float() for modality, image in raw.images.items()}
    moved = augment(Volumes(images, raw.label_map, _partition(raw.regions)), [draw.transform for draw in draws])
    present = _presence(raw, [draw.modalities for draw in draws])
    return TrainingBatch(
        names=raw.names,
        images=_images(moved, torch.tensor([draw.blank_full for draw in draws]), spec),
        present={**present, "dose": present["ct"]},
        student_present=_presence(raw, [draw.student_modalities for draw in draws]),
        student_ct=draws[0].student_ct,
        regions=moved.regions,
        student_regions=perturbed_regions(moved.regions, moved.label_map, [draw.regions for draw in draws]),
        lesions=moved.regions[:, 1:].sum(1),
        labels=raw.labels,
    )


def _partition(regions: Tensor) -> Tensor:
    """float32 weights that sum to at most 1, which they do not after rounding to float16."""
    regions = regions.float()
    return regions / regions.sum(1, keepdim=True).clamp_min(1)


def _images(volumes: Volumes, blanked: Tensor, spec: PreprocessingSpec) -> dict[str, Tensor]:
    """modality -> (B, 3, D, H, W); `dose` is the same tensor as `ct` where no case has another dose."""
    images = {}
    for modality, scaled in volumes.images.items():
        if modality in TRACERS:
            made = pet_representations(scaled, volumes.label_map, spec)
        else:
            made = ct_representations(scaled, volumes.label_map, spec)
        images[modality] = blank_full(made, blanked.to(made.device)) if blanked.any() else made
    return {"dose": images["ct"], **images}


def _presence(raw: RawBatch, modalities: Sequence[Sequence[str]]) -> dict[str, Tensor]:
    """modality -> (B,) bool, for `ct` and the tracers of the batch."""
    return {
        modality: torch.tensor([modality in of_case for of_case in modalities], device=raw.labels.device)
        for modality in raw.images
        if modality != "dose"
    }


def _moved(tensors: Mapping[str, Tensor], device: torch.device | str) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
