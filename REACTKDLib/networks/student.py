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
from .tracers import TracerConditioning, pet_images, tracer_of_each, zero_filled

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


class PetStream(SegResStream):
    """One encoder for every tracer, whose map is read as the tracer asks; of one tracer it is read as it is."""

    def __init__(self, tracers: int, init_filters: int, blocks_down: Sequence[int], stride: int, width: int):
        super().__init__(init_filters, blocks_down, stride, width)
        self.conditioning = TracerConditioning(tracers, width) if tracers > 1 else None

    def forward(self, images: Tensor, tracer: Tensor) -> Tensor:
        """images: (B, 3, D, H, W). tracer: (B,) int64, its place among the tracers. Returns (B, width, d, h, w)."""
        maps = super().forward(images)
        return maps if self.conditioning is None else self.conditioning(maps, tracer)


class Student(nn.Module):
    """Streams `ct` and `pet`, fused, through CBAM3D, to a linear head on the global average (method.md, section 3)."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        choices = (architecture.init_filters, architecture.blocks_down, architecture.stride, architecture.width)
        self.streams = nn.ModuleDict(
            {"ct": SegResStream(*choices), "pet": PetStream(len(architecture.tracers), *choices)}
        )
        self.fusion = Fusion(STREAMS, architecture.width)
        self.cbam = CBAM3D(architecture.width) if architecture.cbam else nn.Identity()
        self.head = nn.Linear(architecture.width, architecture.classes)

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        """Raises ValueError when a case has neither CT nor PET, several tracers, or an image that is not read."""
        tracers = self.architecture.tracers
        tracer, present = self._presence(batch)
        require_a_stream(present)
        if self.architecture.absent == "zeros":
            batch = zero_filled(batch, tracers)
            tracer, present = self._presence(batch)
        maps = {
            "ct": encode_present(self.streams["ct"], batch.images.get("ct"), present["ct"]),
            "pet": encode_present(self.streams["pet"], pet_images(batch, tracers), present["pet"], tracer),
        }
        maps = {stream: features for stream, features in maps.items() if features is not None}
        features = self.cbam(self.fusion(maps, present, STREAMS))
        return NetworkOutput(classify(self.head, features), features)

    def _presence(self, batch: ModalityBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The place of each case's tracer, (B,) int64, and stream -> (B,) bool."""
        tracer = tracer_of_each(batch, self.architecture.tracers)
        return tracer, {"ct": batch.presence("ct"), "pet": tracer >= 0}
