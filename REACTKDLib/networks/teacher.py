"""The teacher: a structure-function branch over two tracers and a branch that has seen CT at low dose."""

import torch
from torch import Tensor, nn

from .architecture import BRANCHES, Architecture
from .batch import REPRESENTATION_CHANNELS, ModalityBatch, NetworkOutput
from .cbam import CBAM3D
from .fusion import Fusion, encode_present, require_a_stream
from .head import classify
from .swin import SwinStream

STREAM_CHANNELS = {
    "fdg": 2 * REPRESENTATION_CHANNELS,
    "act": 2 * REPRESENTATION_CHANNELS,
    "dose": REPRESENTATION_CHANNELS,
}
"""A tracer's stream sees the CT with it."""


class DualTeacher(nn.Module):
    """One SwinViT a stream; each branch fuses its own streams and the whole fuses all (method.md, section 3).

    Every fused map passes the same CBAM3D and its own linear head on the global average.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        self.branches = {branch: BRANCHES[branch] for branch in architecture.branches}
        streams = [stream for members in self.branches.values() for stream in members]
        self.streams = nn.ModuleDict(
            {
                stream: SwinStream(
                    STREAM_CHANNELS[stream],
                    architecture.feature_size,
                    architecture.grid,
                    architecture.stride,
                    architecture.width,
                )
                for stream in streams
            }
        )
        self.fusion = Fusion(streams, architecture.width)
        self.cbam = CBAM3D(architecture.width) if architecture.cbam else nn.Identity()
        self.head = nn.Linear(architecture.width, architecture.classes)
        self.branch_heads = nn.ModuleDict(
            {branch: nn.Linear(architecture.width, architecture.classes) for branch in self.branches}
        )

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        """Logits and maps of the whole and of each branch.

        A tracer's stream is present where tracer and CT are; the `dose` stream takes the CT where there is no `dose`
        image. Where a case has none of a branch's streams, `branch_present` is false: what the branch says comes from
        missing-stream tokens alone and carries nothing about the case. Raises ValueError when a case has no stream.
        """
        present = {stream: self._presence(batch, stream) for stream in self.streams}
        require_a_stream(present)
        maps = {}
        for stream, encoder in self.streams.items():
            # A stream that nobody has is not even assembled.
            if present[stream].any():
                maps[stream] = encode_present(encoder, self._images(batch, stream), present[stream])
        features = self.cbam(self.fusion(maps, present, tuple(self.streams)))
        branch_features = {
            # An only branch is the whole.
            branch: features if len(self.branches) == 1 else self.cbam(self.fusion(maps, present, streams))
            for branch, streams in self.branches.items()
        }
        return NetworkOutput(
            classify(self.head, features),
            features,
            {branch: classify(head, branch_features[branch]) for branch, head in self.branch_heads.items()},
            branch_features,
            {
                branch: torch.stack([present[stream] for stream in streams]).any(0)
                for branch, streams in self.branches.items()
            },
        )

    @staticmethod
    def _presence(batch: ModalityBatch, stream: str) -> Tensor:
        if stream == "dose":
            return batch.presence("dose") | batch.presence("ct")
        return batch.presence(stream) & batch.presence("ct")

    @staticmethod
    def _images(batch: ModalityBatch, stream: str) -> Tensor:
        """(B, channels, D, H, W), meaningful where the stream is present."""
        if stream != "dose":
            return torch.cat([batch.images[stream], batch.images["ct"]], 1)
        if "dose" not in batch.images:
            return batch.images["ct"]
        if "ct" not in batch.images:
            return batch.images["dose"]
        return torch.where(batch.present["dose"][:, None, None, None, None], batch.images["dose"], batch.images["ct"])
