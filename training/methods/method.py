"""What a method is given, what it returns, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.networks.architecture import BRANCHES, Architecture
from REACTKDLib.networks.batch import NetworkOutput


class MethodError(ReactKDError):
    """The method does not fit the networks it was given."""


@dataclass(frozen=True)
class DistillBatch:
    """What student and teacher say of the same B cases: maps centred, the teacher's logits calibrated.

    student: after modality dropout. teacher: of the whole cases; None for methods without one. student_regions,
    regions: (B, R, d, h, w), soft weights, perturbed and not; row i of both is the same region, row 0 the parenchyma,
    a row of zeros no region. student_present: modality -> (B,) bool, what the student read. labels: (B,) int64, −1
    without a grade.
    """

    student: NetworkOutput
    teacher: NetworkOutput | None
    student_regions: Tensor
    regions: Tensor
    student_present: Mapping[str, Tensor]
    labels: Tensor

    def in_full_precision(self) -> "DistillBatch":
        """The same in float32, whatever precision the networks ran in."""
        return replace(
            self,
            student=_float32(self.student),
            teacher=None if self.teacher is None else _float32(self.teacher),
            student_regions=self.student_regions.float(),
            regions=self.regions.float(),
        )


class Method(nn.Module):
    """The terms that a method adds to L_cls. Subclasses write `terms`; learned parts and memories are their own.

    Each term is proportional to the option of its name, its weight.

    A batch is read, never changed, and no network is edited. The constructor raises MethodError where `check` does.
    """

    title: ClassVar[str]
    """The name in tables. "(re-implementation)": its equations or code are not public. "(adapted)": a part of it has
    nothing to work on here and is left out or replaced; its docstring says which and by what. Weights that are not
    the published ones say so, as [D]."""
    published: ClassVar[bool] = False
    """Whether the paper's Table I compares with it."""
    needs_teacher: ClassVar[bool] = True
    teacher_branches: ClassVar[tuple[str, ...]] = ()
    """Branches the teacher has to have."""

    @dataclass(frozen=True)
    class Options:
        """None."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: object = None):
        super().__init__()
        self.check(student, teacher)
        self.options = self.Options() if options is None else options

    @classmethod
    def check(cls, student: Architecture, teacher: Architecture | None) -> None:
        """Raises MethodError where the method cannot work with these networks; costs nothing, so call it first."""
        if student.network != "student":
            raise MethodError(
                "method_student", f"{cls.title} trains a student, not a {student.network}.", "Give it a student."
            )
        if not cls.needs_teacher:
            return
        if teacher is None or teacher.network != "teacher":
            raise MethodError(
                "method_teacher",
                f"{cls.title} distils a teacher, and there is none.",
                "Train a teacher first, or choose method 'alone'.",
            )
        if lacking := [branch for branch in cls.teacher_branches if branch not in teacher.branches]:
            streams = [stream for branch in lacking for stream in BRANCHES[branch]]
            raise MethodError(
                "method_branches",
                f"{cls.title} needs a teacher with the branches {_listed(cls.teacher_branches)}; "
                f"this one has {_listed(teacher.branches)} only.",
                f"The branch {_listed(lacking)} is trained on {' or '.join(streams)}: a cohort without them cannot "
                "be used with this method. Leave the method out, or take a cohort that has them.",
            )

    def forward(self, batch: DistillBatch) -> dict[str, Tensor]:
        """Named, weighted, differentiable scalars to add to L_cls."""
        # In bfloat16 differences of similarities would be lost.
        with torch.autocast(batch.labels.device.type, enabled=False):
            return self.terms(batch.in_full_precision())

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        """As `forward`, for a batch in float32."""
        raise NotImplementedError


def _float32(output: NetworkOutput) -> NetworkOutput:
    return replace(
        output,
        logits=output.logits.float(),
        features=output.features.float(),
        branch_logits={branch: logits.float() for branch, logits in output.branch_logits.items()},
        branch_features={branch: features.float() for branch, features in output.branch_features.items()},
    )


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)
