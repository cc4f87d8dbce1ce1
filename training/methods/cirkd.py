"""Cross-image relational distillation (Yang et al., 2022)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture
from REACTKDLib.networks.region_graph import region_graph

from ..losses.distillation import TEMPERATURE, distillation_loss
from ._maps import halved, on_grid, on_one_grid, voxel_vectors
from ._queue import Queue
from ._tissues import TISSUES, tissue_classes
from .method import DistillBatch, Method


def similarity_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL( softmax(s_t/τ) ‖ softmax(s_s/τ) ) of similarities along the last axis, mean over all others.

    student, teacher: (..., n). No gradient reaches the teacher. Returns a scalar.
    """
    ours = F.log_softmax(student / temperature, dim=-1)
    theirs = F.log_softmax(teacher.detach() / temperature, dim=-1)
    return F.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1).mean()


def batch_similarities(vectors: Tensor) -> Tensor:
    """F^i F^jᵀ for every pair of cases: (B, N, C) to (B, B, N, N)."""
    return vectors[:, None] @ vectors[None].mT


class CrossImage(Method):
    """KD + 1/B² Σ_ij KL of F^i F^jᵀ + KL of the similarities to memories of teacher voxels and teacher regions.

    Both maps are halved along each axis first, as the original does where maps are large: pairs of voxels grow with the
    sixth power. The semantic classes are the tissues of a case, and KD is of its grade: it has no logits of voxels.
    Masks are soft: a tissue's voxels are drawn by their shares, with replacement. Memories begin empty, where the
    original's begin with random vectors; a batch normalisation is of one process.
    """

    title = "CIRKD"
    published = True

    @dataclass(frozen=True)
    class Options:
        """Without unit; as published unless marked [D], our decision."""

        temperature: float = TEMPERATURE
        """T of KD, the same for all methods [D]; 1 in the original."""
        contrast_temperature: float = 0.1
        """τ of similarities."""
        kd: float = 1.0
        """Weight."""
        batch: float = 1.0
        """Weight of the similarities within a batch."""
        voxel: float = 0.1
        """Weight of the similarities to the memory of voxels."""
        region: float = 0.1
        """Weight of the similarities to the memory of regions."""
        voxel_memory: int = 20000
        """Voxels remembered of each tissue."""
        region_memory: int = 2000
        """Regions remembered of each tissue: of a case its tissue's mean."""
        voxel_sample: int = 4096
        """Voxels drawn from memory a batch, as many of each tissue."""
        region_sample: int = 1024
        """Regions drawn from memory a batch, as many of each tissue."""
        voxels_per_region: int = 16
        """Voxels of each tissue of a case that enter memory."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        width = teacher.width
        self.project = nn.Sequential(
            nn.Conv3d(student.width, width, kernel_size=1, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(),
            nn.Conv3d(width, width, kernel_size=1, bias=False),
        )
        self.voxels = nn.ModuleList(Queue(self.options.voxel_memory, width) for _ in range(TISSUES))
        self.regions = nn.ModuleList(Queue(self.options.region_memory, width) for _ in range(TISSUES))

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        kd = distillation_loss(batch.student.logits, batch.teacher.logits, options.temperature)
        student, teacher = (halved(maps) for maps in on_one_grid(batch.student.features, batch.teacher.features))
        # By what was seen, and on the CPU: a resumed run draws the same, and so does every device.
        generator = torch.Generator().manual_seed(sum(int(queue.pushed) for queue in self.regions))
        if self.training:
            self._remember(teacher, tissue_classes(on_grid(batch.regions, teacher.shape[2:])), generator)
        ours, theirs = voxel_vectors(student), voxel_vectors(teacher)
        tau = options.contrast_temperature
        within = similarity_loss(batch_similarities(ours), batch_similarities(theirs), tau)
        projected = voxel_vectors(self.project(student))

        def to_memory(queues: nn.ModuleList, count: int) -> Tensor:
            memory = torch.cat([_some_of(queue.filled(), count // TISSUES + 1, generator) for queue in queues])
            if not len(memory):
                return 0 * projected.sum()
            return similarity_loss(projected @ memory.T, theirs @ memory.T, tau)

        return {
            "kd": options.kd * kd,
            "batch": options.batch * within,
            "voxel": options.voxel * to_memory(self.voxels, options.voxel_sample),
            "region": options.region * to_memory(self.regions, options.region_sample),
        }

    @torch.no_grad()
    def _remember(self, teacher: Tensor, tissues: Tensor, generator: torch.Generator) -> None:
        """teacher: (B, C, d, h, w). tissues: (B, TISSUES, d, h, w)."""
        graph, vectors = region_graph(teacher, tissues), voxel_vectors(teacher)
        for tissue, (voxels, regions) in enumerate(zip(self.voxels, self.regions, strict=True)):
            cases = graph.present[:, tissue].nonzero().squeeze(1)
            regions.push(F.normalize(graph.nodes[cases, tissue], dim=-1))
            if len(cases):
                shares, count = tissues[cases, tissue].flatten(1).cpu(), self.options.voxels_per_region
                chosen = torch.multinomial(shares, count, replacement=True, generator=generator)
                voxels.push(vectors[cases[:, None], chosen.to(cases.device)].flatten(0, 1))


def _some_of(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """At most `count` of the rows, drawn without replacement."""
    if len(rows) <= count:
        return rows
    order = torch.randperm(len(rows), generator=generator)
    return rows[order[:count].to(rows.device)]
