"""Batches of random outputs, and what every loss is held to."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from REACTKDLib.networks.architecture import Architecture
from REACTKDLib.networks.batch import NetworkOutput
from training.methods.method import DistillBatch

GRID = (2, 3, 4)


def random_tensor(*shape: int, seed: int) -> Tensor:
    """In double precision; gradients reach it."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def two_maps(channels: int = 5, teacher_channels: int | None = None, cases: int = 3) -> tuple[Tensor, Tensor]:
    """A student's and a teacher's map, (B, C, d, h, w)."""
    return (
        random_tensor(cases, channels, *GRID, seed=0),
        random_tensor(cases, teacher_channels or channels, *GRID, seed=1),
    )


def two_predictions(cases: int = 4, classes: int = 3) -> tuple[Tensor, Tensor]:
    return random_tensor(cases, classes, seed=0), random_tensor(cases, classes, seed=1)


def reaches_the_student_alone(loss: Callable[[Tensor, Tensor], Tensor], student: Tensor, teacher: Tensor) -> bool:
    loss(student, teacher).backward()
    return float(student.grad.norm()) > 0 and bool(student.grad.isfinite().all()) and teacher.grad is None


def architectures(
    student_grid: tuple[int, int, int], teacher_grid: tuple[int, int, int], widths: tuple[int, int]
) -> tuple[Architecture, Architecture]:
    """Of a student and a teacher with these feature grids."""
    student, teacher = (tuple(4 * n for n in grid) for grid in (student_grid, teacher_grid))
    return (
        Architecture(network="student", grid=student, width=widths[0]),
        Architecture(network="teacher", grid=teacher, width=widths[1]),
    )


def random_batch(
    cases: int = 4,
    *,
    regions: int = 3,
    student_grid: tuple[int, int, int] = (4, 6, 6),
    teacher_grid: tuple[int, int, int] = (4, 6, 6),
    widths: tuple[int, int] = (16, 16),
) -> DistillBatch:
    """Random outputs and regions; the student lacks the last region of the first case, where there are several.

    Every other case has no PET.
    """
    torch.manual_seed(0)
    weights = torch.rand(cases, regions + 1, *student_grid).softmax(1)[:, 1:]
    perturbed = weights.clone()
    if regions > 1:
        perturbed[0, -1] = 0
    everyone = torch.ones(cases, dtype=torch.bool)
    has_pet = torch.arange(cases) % 2 == 0
    return DistillBatch(
        student=NetworkOutput(torch.randn(cases, 3).requires_grad_(), a_map(cases, widths[0], student_grid)),
        teacher=NetworkOutput(
            torch.randn(cases, 3).requires_grad_(),
            a_map(cases, widths[1], teacher_grid),
            {branch: torch.randn(cases, 3).requires_grad_() for branch in ("structure", "dose")},
            {branch: a_map(cases, widths[1], teacher_grid) for branch in ("structure", "dose")},
            {"structure": has_pet, "dose": everyone},
        ),
        student_regions=perturbed,
        regions=weights,
        student_present={"ct": everyone, "fdg": has_pet},
        labels=torch.arange(cases) % 3,
    )


def a_map(cases: int, width: int, grid: tuple[int, int, int]) -> Tensor:
    return torch.randn(cases, width, *grid).requires_grad_()


def in_precision(batch: DistillBatch, dtype: torch.dtype) -> DistillBatch:
    """The same with maps as a network leaves them under autocast."""
    student, teacher = (replace(o, features=o.features.to(dtype)) for o in (batch.student, batch.teacher))
    branches = {branch: features.to(dtype) for branch, features in teacher.branch_features.items()}
    return replace(batch, student=student, teacher=replace(teacher, branch_features=branches))


def without_pet(batch: DistillBatch) -> DistillBatch:
    """The same, had no case a PET."""
    nobody = torch.zeros_like(batch.labels, dtype=torch.bool)
    present = batch.teacher.branch_present | {"structure": nobody}
    return replace(batch, teacher=replace(batch.teacher, branch_present=present))


def with_branches(batch: DistillBatch, **logits: Tensor) -> DistillBatch:
    """The same with other logits of the teacher's branches, (B, K) each, all of them present."""
    present = {branch: torch.ones_like(batch.labels, dtype=torch.bool) for branch in logits}
    return replace(batch, teacher=replace(batch.teacher, branch_logits=logits, branch_present=present))
