"""Stage 1: the dual teacher."""

import torch
from torch import Tensor

from REACTKDLib.networks.batch import ModalityBatch, NetworkOutput
from REACTKDLib.networks.teacher import DualTeacher

from ..data.batch import TrainingBatch
from ..losses.dose_consistency import dose_consistency_loss
from .settings import TeacherSettings
from .stage import Stage


class TeacherStage(Stage):
    """L_cls of the whole and of each branch, and the dose consistency of cases without a grade (method.md, 6)."""

    def __init__(self, network: DualTeacher, settings: TeacherSettings, bf16: bool = False):
        super().__init__(network, settings.supervision, bf16)
        self.unlabelled = settings.unlabelled

    def forward(self, batch: TrainingBatch) -> dict[str, Tensor]:
        output = self.output(self.network, batch)
        terms = self.supervised(output, batch)
        for branch, logits in output.branch_logits.items():
            # Without any of its streams a branch says nothing about the case.
            terms[f"cls_{branch}"] = self.classification(logits, batch.labels, output.branch_present[branch])
        if "dose" in output.branch_logits and self.unlabelled:
            terms["consistency"] = self.unlabelled * self._consistency(output.branch_logits["dose"], batch)
        return terms

    def output(self, network: DualTeacher, batch: TrainingBatch) -> NetworkOutput:
        with self.autocast(batch):
            return network(batch.for_teacher())

    def _consistency(self, degraded: Tensor, batch: TrainingBatch) -> Tensor:
        rows = (batch.labels < 0).nonzero().squeeze(1)
        if not len(rows):
            return degraded.sum() * 0
        ct = ModalityBatch({"ct": batch.images["ct"][rows]}, {"ct": batch.present["ct"][rows]})
        # In evaluation mode: the reference takes no gradient, and its cases are not to be counted twice.
        self.network.eval()
        with torch.no_grad(), self.autocast(batch):
            native = self.network(ct).branch_logits["dose"]
        self.network.train()
        return len(rows) / len(batch.labels) * dose_consistency_loss(native, degraded[rows])
