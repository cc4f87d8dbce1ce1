"""Cross-image relational distillation (Yang et al., 2022)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.architecture import Architecture
from REACTKDLib.networks.region_graph import region_graph

from ..losses.distillation import TEMPERATURE, distillation_loss
from ._maps import halved, on_grid, on_one_grid, projection, voxel_vectors
from ._queue import Queue
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
    sixth power. Regions take the place of the original's semantic classes: every region of a case puts the same number
    of voxels into memory, so that small lesions are remembered too.
    """

    title = "CIRKD"
    published = True

    @dataclass(frozen=True)
    class Options:
        """Without unit; as published unless marked [D], our decision."""

        temperature: float = TEMPERATURE
        """T of KD, the same for all methods [D]."""
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
        """Voxels remembered."""
        region_memory: int = 2000
        """Regions remembered."""
        voxel_sample: int = 4096
        """Voxels drawn from memory a batch."""
        region_sample: int = 1024
        """Regions drawn from memory a batch."""
        voxels_per_region: int = 16
        """Voxels of each region that enter memory."""

    def __init__(self, student: Architecture, teacher: Architecture | None = None, options: Options | None = None):
        super().__init__(student, teacher, options)
        self.project = projection(student, teacher)
        self.voxels = Queue(self.options.voxel_memory, teacher.width)
        self.regions = Queue(self.options.region_memory, teacher.width)

    def terms(self, batch: DistillBatch) -> dict[str, Tensor]:
        options = self.options
        kd = distillation_loss(batch.student.logits, batch.teacher.logits, options.temperature)
        student, teacher = (halved(maps) for maps in on_one_grid(batch.student.features, batch.teacher.features))
        seed = int(self.voxels.pushed)
        if self.training:
            self._remember(teacher, on_grid(batch.regions, teacher.shape[2:]), seed)
        ours, theirs = voxel_vectors(student), voxel_vectors(teacher)
        tau = options.contrast_temperature
        terms = {
            "kd": options.kd * kd,
            "batch": options.batch * similarity_loss(batch_similarities(ours), batch_similarities(theirs), tau),
        }
        projected = voxel_vectors(self.project(student))
        for name, queue, count in (
            ("voxel", self.voxels, options.voxel_sample),
            ("region", self.regions, options.region_sample),
        ):
            memory = _some_of(queue.filled(), count, seed)
            if len(memory):
                loss = similarity_loss(projected @ memory.T, theirs @ memory.T, tau)
            else:
                loss = 0 * projected.sum()
            terms[name] = getattr(options, name) * loss
        return terms

    @torch.no_grad()
    def _remember(self, teacher: Tensor, weights: Tensor, seed: int) -> None:
        """teacher: (B, C, d, h, w). weights: (B, R, d, h, w)."""
        graph = region_graph(teacher, weights)
        self.regions.push(F.normalize(graph.nodes[graph.present], dim=-1))
        cases, _ = graph.present.nonzero(as_tuple=True)
        if len(cases):
            # On the CPU, so that every device draws the same; seeded by what was seen, so that a resumed run does too.
            generator = torch.Generator().manual_seed(seed)
            shares = weights[graph.present].flatten(1).cpu()
            chosen = torch.multinomial(shares, self.options.voxels_per_region, replacement=True, generator=generator)
            self.voxels.push(voxel_vectors(teacher)[cases[:, None], chosen.to(cases.device)].flatten(0, 1))


def _some_of(rows: Tensor, count: int, seed: int) -> Tensor:
    """At most `count` of the rows, drawn without replacement."""
    if len(rows) <= count:
        return rows
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    return rows[order[:count].to(rows.device)]
