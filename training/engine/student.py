"""Stage 2: the student, with what a frozen teacher says."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from REACTKDLib.networks.batch import NetworkOutput
from REACTKDLib.networks.cbam import share_cbam
from REACTKDLib.networks.student import Student
from REACTKDLib.networks.teacher import DualTeacher

from ..centred_maps import CentredMaps
from ..data.batch import TrainingBatch
from ..lora import add_lora
from ..methods.method import DistillBatch, Method
from .settings import StudentSettings
from .stage import Stage


class StudentStage(Stage):
    """L_cls and the terms of a method (method.md, section 4).

    The teacher sees the case whole, the student what modality dropout left of it. Methods compare centred maps.

    temperature: that the teacher's logits are divided by, so that its probabilities mean what they say. The focal loss
    leaves them far too unsure: softened by a method once more, they would be nearly uniform.
    """

    def __init__(
        self,
        network: Student,
        method: Method,
        teacher: DualTeacher | None,
        settings: StudentSettings,
        bf16: bool = False,
        temperature: float = 1.0,
    ):
        super().__init__(network, settings.supervision, bf16)
        if settings.cbam == "shared" and teacher is not None:
            # Frozen: the student weighs channels and voxels as the teacher does.
            share_cbam(teacher, network)
        if settings.lora_rank:
            add_lora(network, settings.lora_rank)
        self.method, self.method_weight = method, settings.method_weight
        self.attention_rate = settings.attention_rate
        # Not a submodule: it is neither trained nor saved, and stays in evaluation mode.
        self._frozen = [teacher.eval().requires_grad_(False)] if teacher is not None else []
        self.temperature = temperature
        if teacher is not None:
            self.centred = nn.ModuleDict(
                {"student": CentredMaps(network.architecture), "teacher": CentredMaps(teacher.architecture)}
            )

    def forward(self, batch: TrainingBatch) -> dict[str, Tensor]:
        output, teacher = self.output(self.network, batch), self._taught(batch)
        terms = self.supervised(output, batch)
        distilled = self.method(
            DistillBatch(
                student=output if teacher is None else self.centred["student"](output),
                teacher=teacher,
                student_regions=batch.student_regions,
                regions=batch.regions,
                student_present=batch.student_present,
                labels=batch.labels,
            )
        )
        if taken := sorted(terms.keys() & distilled.keys()):
            raise ValueError(
                f"{type(self.method).__name__}: its terms {', '.join(taken)} have names of the stage's own; rename them"
            )
        return terms | {name: self.method_weight * term for name, term in distilled.items()}

    def output(self, network: Student, batch: TrainingBatch) -> NetworkOutput:
        with self.autocast(batch):
            return network(batch.for_student())

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        (whole,) = super().groups(learning_rate)
        kernels = [weights for name, weights in self.network.cbam.named_parameters() if name == "spatial.weight"]
        slow = [weights for weights in kernels if weights.requires_grad]
        if not slow:
            return [whole]
        others = [weights for weights in whole["params"] if all(weights is not kernel for kernel in slow)]
        return [whole | {"params": others}, {"params": slow, "lr": self.attention_rate * learning_rate}]

    @torch.no_grad()
    def _taught(self, batch: TrainingBatch) -> NetworkOutput | None:
        if not self._frozen:
            return None
        with self.autocast(batch):
            said = self._frozen[0](batch.for_teacher())
        branch_logits = {branch: logits / self.temperature for branch, logits in said.branch_logits.items()}
        calibrated = replace(said, logits=said.logits / self.temperature, branch_logits=branch_logits)
        return self.centred["teacher"](calibrated)
