"""The student's forward pass on a CPU."""

import torch
from monai.networks.nets import SegResNet
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.cpu import prepare_for_cpu_inference, tune_allocator
from Testing.benchmarks.common import Row, in_fresh_process, measure

ARCHITECTURE = Architecture(network="student")
UNOPTIMISED_OUTPUTS = 86
"""Of the linear layer on both decoders' flattened outputs: 2 x 32 x 96 x 96 x 86 = 50.7 M weights."""


class UnoptimisedStudent(nn.Module):
    """Full SegResNets, decoder and all, and one linear layer on everything they put out."""

    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleList(
            SegResNet(in_channels=3, out_channels=1, init_filters=ARCHITECTURE.init_filters) for _ in range(2)
        )
        voxels = torch.Size(ARCHITECTURE.grid).numel()
        self.reduce = nn.Linear(2 * voxels, UNOPTIMISED_OUTPUTS)
        self.head = nn.Linear(UNOPTIMISED_OUTPUTS, ARCHITECTURE.classes)

    def forward(self, *images: Tensor) -> Tensor:
        flat = [network(image).flatten(1) for network, image in zip(self.networks, images, strict=True)]
        return self.head(functional.relu(self.reduce(torch.cat(flat, 1))))


def rows() -> list[Row]:
    unoptimised, _ = in_fresh_process(unoptimised_seconds)
    eager, _ = in_fresh_process(eager_encoder_seconds)
    (forward, encoder, fraction), peak = in_fresh_process(student_seconds)
    return [
        Row(
            "student forward, PET + CT, 32x96x96",
            forward,
            "two full SegResNets and a 50 M linear layer",
            unoptimised,
            "fp32, one case; the baseline is written out here and runs as torch comes: eager, default allocator",
            peak_mb=peak,
        ),
        Row(
            "student encoder, 32x96x96",
            encoder,
            "the same encoder, eager torch",
            eager,
            "limit: the faster of a large oneDNN convolution and a matrix product in the same process",
            fraction_of_limit=fraction,
        ),
    ]


@torch.inference_mode()
def unoptimised_seconds() -> float:
    network = UnoptimisedStudent().eval()
    images = [_image(), _image()]
    return measure(lambda: network(*images), repeats=5)


@torch.inference_mode()
def eager_encoder_seconds() -> float:
    encoder = build_network(ARCHITECTURE).eval().streams["ct"].encoder
    image = _image()
    return measure(lambda: encoder(image), repeats=5)


@torch.inference_mode()
def student_seconds() -> tuple[float, float, float]:
    """Seconds of the whole forward pass and of one encoder, and the encoder's fraction of peak."""
    tune_allocator()
    network = prepare_for_cpu_inference(build_network(ARCHITECTURE))
    batch = ModalityBatch(
        {"ct": _image(), "fdg": _image()},
        {"ct": torch.ones(1, dtype=torch.bool), "fdg": torch.ones(1, dtype=torch.bool)},
    )
    encoder = network.streams["ct"].encoder
    forward = measure(lambda: network(batch))
    seconds = measure(lambda: encoder(batch.images["ct"]))
    return forward, seconds, encoder_flops() / seconds / peak_flops_per_second()


def encoder_flops() -> int:
    """Of the convolutions of one encoder."""
    with torch.device("meta"):
        encoder = build_network(ARCHITECTURE).streams["ct"].encoder
        image = torch.empty(1, 3, *ARCHITECTURE.grid)
    with FlopCounterMode(display=False) as counter:
        encoder(image)
    return counter.get_total_flops()


def peak_flops_per_second() -> float:
    side, channels, grid = 2048, 64, (16, 48, 48)
    matrix = torch.randn(side, side)
    product = 2 * side**3 / measure(lambda: matrix @ matrix)
    image, weight = torch.randn(1, channels, *grid), torch.randn(channels, channels, 3, 3, 3)
    flops = 2 * channels**2 * 27 * torch.Size(grid).numel()
    convolution = flops / measure(lambda: torch.mkldnn_convolution(image, weight, None, [1] * 3, [1] * 3, [1] * 3, 1))
    return max(product, convolution)


def _image() -> Tensor:
    return torch.randn(1, 3, *ARCHITECTURE.grid)
