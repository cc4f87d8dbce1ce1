"""Intra-class feature variation distillation (Wang et al., 2020)."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.region_graph import masked_average

from ._maps import on_grid, on_one_grid
from ._tissues import tissue_classes
from .method import DistillBatch, Method


def feature_variation_loss(student: Tensor, teacher: Tensor, classes: Tensor) -> Tensor:
    """mean_x ( cos(F_s(x), c_s(x)) − cos(F_t(x), c_t(x)) )², mean over the batch.

    c(x) is the mean feature of the class of voxel x within its case, mixed where classes share a voxel.
    student: (B, C, d, h, w), teacher: (B, C', d, h, w). classes: (B, k, d, h, w), weights that sum to 1 in each voxel.
    No gradient reaches the teacher. Returns a scalar.
    """
    return F.mse_loss(_variation(student, classes), _variation(teacher.detach(), classes))


def _variation(features: Tensor, classes: Tensor) -> Tensor:
    """(B, d h w)."""
    prototypes = masked_average(features, classes)
    return F.cosine_similarity(features.flatten(2), prototypes.mT @ classes.flatten(2), dim=1)


class FeatureVariation(Method):
    """Classes are the tissues, with soft weights where the original has hard masks: a lesion smaller than a feature
    voxel still has its prototype."""

    title = "IFVD"

    @dataclass(frozen=True)
    class Options:
        """Without unit."""

        variation: float = 20.0
        """Weight [D]: that of CIRKD's comparison; the authors' own code has 200."""

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        student, teacher = on_one_grid(batch.student.features, batch.teacher.features)
        classes = tissue_classes(on_grid(batch.regions, student.shape[2:]))
        return {"variation": self.options.variation * feature_variation_loss(student, teacher, classes)}
