"""What one training trains: a network, and the terms of its loss."""

from typing import Any

import torch
from torch import Tensor, nn

from REACTKDLib.networks.batch import NetworkOutput
from REACTKDLib.networks.region_graph import masked_average

from ..data.batch import TrainingBatch
from ..lesion_head import LesionHead
from ..losses.attention_focus import attention_focus_loss
from ..losses.focal import focal_loss
from ..normalised_head import normalise_heads
from .settings import Supervision


class Stage(nn.Module):
    """A network with normalised heads, and what it learns from labelled cases.

    Its forward pass gives the named, weighted terms of the loss of a batch. Each is a sum over cases divided by the
    number of cases, so that the mean over equal parts of a batch is that of the whole.
    """

    def __init__(self, network: nn.Module, supervision: Supervision, bf16: bool = False):
        super().__init__()
        normalise_heads(network)
        self.network = network
        self.supervision = supervision
        self.bf16 = bf16
        self.register_buffer("class_weights", torch.tensor(supervision.class_weights), persistent=False)
        if supervision.lesion_supervision:
            self.lesion_head = LesionHead(network.architecture.classes)

    def forward(self, batch: TrainingBatch) -> dict[str, Tensor]:
        raise NotImplementedError

    def output(self, network: nn.Module, batch: TrainingBatch) -> NetworkOutput:
        """What `network`, this stage's or a copy of it, says of the batch as it is trained on."""
        raise NotImplementedError

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """What is trained, for an optimiser, with the learning rate of each group."""
        return [{"params": [weights for weights in self.parameters() if weights.requires_grad], "lr": learning_rate}]

    def autocast(self, batch: TrainingBatch) -> torch.autocast:
        """For networks alone: losses are computed in float32."""
        return torch.autocast(batch.labels.device.type, torch.bfloat16, enabled=self.bf16)

    def classification(self, logits: Tensor, labels: Tensor, counted: Tensor | None = None) -> Tensor:
        """L_cls of the cases with a grade, of those among them that are `counted`, (B,) bool."""
        known = labels >= 0 if counted is None else (labels >= 0) & counted
        if not known.any():
            return logits.sum() * 0  # every process has the same graph
        share = known.sum() / len(known)
        return share * focal_loss(logits[known], labels[known], self.class_weights, self.supervision.focusing)

    def supervised(self, output: NetworkOutput, batch: TrainingBatch) -> dict[str, Tensor]:
        """L_cls, and the terms that keep what it goes by in the lesions."""
        terms = {"cls": self.classification(output.logits, batch.labels)}
        if weight := self.supervision.attention_focus:
            terms["focus"] = weight * attention_focus_loss(output.features, batch.lesions, self.network.head.weight)
        if weight := self.supervision.lesion_supervision:
            means = masked_average(output.features.float(), batch.lesions[:, None]).squeeze(1)
            has_lesion = batch.lesions.flatten(1).any(1)
            # Only those: the zero of a case without a lesion would count in the statistics.
            said = self.lesion_head(means[has_lesion], self.network.head.weight)
            terms["lesion"] = weight * has_lesion.float().mean() * self.classification(said, batch.labels[has_lesion])
        return terms
