"""Relational distillation: distances and angles between cases (Park et al., 2019)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .method import DistillBatch, Method

EPSILON = 1e-12


def distance_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the distances of cases, each divided by their mean; mean over all B² pairs.

    student: (B, C), teacher: (B, C'). No gradient reaches the teacher. Returns a scalar; zero below three cases, as
    one distance is its own mean.
    """
    return F.smooth_l1_loss(_scaled_distances(student), _scaled_distances(teacher.detach()))


def angle_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the cosines of the angles j-i-k of cases; mean over all B³ triplets.

    student: (B, C), teacher: (B, C'). No gradient reaches the teacher. Returns a scalar; zero below three cases.
    """
    return F.smooth_l1_loss(_angles(student), _angles(teacher.detach()))


def _scaled_distances(vectors: Tensor) -> Tensor:
    """(B, B)."""
    distances = _distances(vectors[:, None] - vectors)
    others = len(vectors) * (len(vectors) - 1)
    return distances / (distances.sum() / max(others, 1)).clamp_min(EPSILON)


def _angles(vectors: Tensor) -> Tensor:
    """(B, B, B)."""
    differences = vectors - vectors[:, None]
    lengths = _distances(differences)[..., None]
    # Two cases that cannot be told apart have no direction, and must not get a gradient of one over zero.
    directions = differences / torch.where(lengths == 0, 1, lengths)
    return directions @ directions.mT


def _distances(differences: Tensor) -> Tensor:
    """Norms along the last axis, with a gradient of zero where nothing differs."""
    squares = differences.square().sum(-1)
    same = squares == 0
    return torch.where(same, 0, torch.where(same, 1, squares).sqrt())


class Relational(Method):
    """On the globally averaged map; compares cases of one batch, of three at least.

    As in the authors' code, means are over all pairs and triplets, those of a case with itself included. Neither loss
    knows the scale of the vectors, so its gradient grows as they draw together: averages of maps differ far less
    between cases than voxels do, and the published weights then outweigh L_cls.
    """

    title = "RKD"

    @dataclass(frozen=True)
    class Options:
        """Without unit."""

        distance: float = 25.0
        """Weight, as published."""
        angle: float = 50.0
        """Weight, as published."""

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        student, teacher = (output.features.mean((2, 3, 4)) for output in (batch.student, batch.teacher))
        return {
            "distance": self.options.distance * distance_loss(student, teacher),
            "angle": self.options.angle * angle_loss(student, teacher),
        }
