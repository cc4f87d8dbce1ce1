"""The student: a light network for CT, PET or both."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from .architecture import Architecture
from .batch import REPRESENTATION_CHANNELS, ModalityBatch, NetworkOutput
from .cbam import CBAM3D
from .fusion import Fusion, encode_present, require_a_stream
from .head import classify
from .pyramid import Pyramid
from .segresnet import SegResEncoder

STREAMS = ("ct", "pet")


class SegResStream(nn.Module):
    """A SegResNet encoder, never its decoder, read at `stride` (method.md, section 3)."""

    def __init__(self, init_filters: int, blocks_down: Sequence[int], stride: int, width: int):
        super().__init__()
        self.encoder = SegResEncoder(REPRESENTATION_CHANNELS, init_filters, blocks_down)
        self.tap = stride.bit_length() - 1
        self.shift = (stride - 1) // 2
        self.pyramid = Pyramid([init_filters * 2**stage for stage in range(self.tap, len(blocks_down))], width)

    def forward(self, images: Tensor) -> Tensor:
        """images: (B, 3, D, H, W). Returns (B, width, d, h, w)."""
        # Padded on both sides, a strided convolution centres its voxel i on input voxel `stride` * i, the first of
        # those that region masks are averaged over: moved by half a stride, both meet to half a voxel.
        images = functional.pad(images, (-self.shift, self.shift) * 3)
        return self.pyramid(self.encoder(images)[self.tap :])


class Student(nn.Module):
    """Streams `ct` and `pet`, fused, through CBAM3D, to a linear head on the global average (method.md, section 3)."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        self.streams = nn.ModuleDict(
            {
                stream: SegResStream(
                    architecture.init_filters, architecture.blocks_down, architecture.stride, architecture.width
                )
                for stream in STREAMS
            }
        )
        self.fusion = Fusion(STREAMS, architecture.width)
        self.cbam = CBAM3D(architecture.width) if architecture.cbam else nn.Identity()
        self.head = nn.Linear(architecture.width, architecture.classes)

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        """Raises ValueError when a case has neither CT nor PET."""
        present = {stream: batch.presence(stream) for stream in STREAMS}
        require_a_stream(present)
        maps = {}
        for stream, encoder in self.streams.items():
            if stream in batch.images:
                maps[stream] = encode_present(encoder, batch.images[stream], present[stream])
        maps = {stream: features for stream, features in maps.items() if features is not None}
        features = self.cbam(self.fusion(maps, present, STREAMS))
        return NetworkOutput(classify(self.head, features), features)
