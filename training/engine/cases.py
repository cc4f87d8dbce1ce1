"""The cases of one training, and the batches made of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from lightning.fabric import Fabric

from REACTKDLib.imaging.spec import PreprocessingSpec

from ..data.batch import TrainingBatch, prepare
from ..data.batch_order import EpochBatches
from ..data.cache import Cache
from ..data.dataset import CachedDataset, load_batches
from ..data.draw_settings import DrawSettings, Evaluation
from ..data.raw_batch import RawBatch
from ..dose.levels import LevelName
from .errors import TrainingError
from .loop import Steps
from .settings import Optimisation


@dataclass(frozen=True, kw_only=True)
class Cases:
    """One fold of a cohort.

    training, unlabelled, validation, test: names of cases. grades: of every case, None where there is none. patients:
    likewise. tracers: that any case has. spec: with the CT constants of the training cases. external: another cohort,
    all of it to test on, with the same spec.
    """

    cache: Cache
    spec: PreprocessingSpec
    grades: Mapping[str, int | None]
    patients: Mapping[str, str]
    tracers: tuple[str, ...]
    levels: tuple[LevelName, ...]
    training: tuple[str, ...]
    unlabelled: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    external: "Cases | None" = None

    def steps(
        self, fabric: Fabric, names: Sequence[str], draws: DrawSettings, settings: Optimisation, seed: int
    ) -> Steps:
        """An epoch's updates of this process. Raises TrainingError batch_size."""
        if settings.batch_size % settings.accumulate:
            raise TrainingError(
                "batch_size",
                f"A batch of {settings.batch_size} cannot be computed in {settings.accumulate} equal parts.",
                "Choose batch_size as a multiple of accumulate.",
            )
        try:
            batches = EpochBatches(
                names,
                self.grades,
                settings.batch_size // settings.accumulate,
                seed=seed,
                balanced=settings.balanced,
                rank=fabric.global_rank,
                ranks=fabric.world_size,
            )
        except ValueError as error:
            raise TrainingError(
                "batch_size", f"{error}.".capitalize(), "Change batch_size, or the processes."
            ) from error
        if len(batches) < settings.accumulate:
            raise TrainingError(
                "batch_size",
                f"{len(names)} training cases are no whole batch of {settings.batch_size} in {settings.accumulate} "
                "parts.",
                "Choose a smaller batch_size, or accumulate 1.",
            )
        dataset = CachedDataset(self.cache, names, self.grades, draws, seed)
        loader = load_batches(dataset, batches, settings.loader_processes)

        def of(epoch: int) -> Iterator[list[TrainingBatch]]:
            batches.set_epoch(epoch)
            parts = []
            for raw in loader:
                parts.append(prepare(raw, fabric.device, self.spec))
                if len(parts) == settings.accumulate:
                    yield parts
                    parts = []

        return Steps(of, len(batches) // settings.accumulate)

    def having(self, names: Sequence[str], inputs: Sequence[str]) -> tuple[str, ...]:
        """Those of the cases that have one of the inputs; all have a CT."""
        if "ct" in inputs:
            return tuple(names)
        return tuple(name for name in names if not self.cache.read(name).images.keys().isdisjoint(inputs))

    def batches(
        self, names: Sequence[str], evaluation: Evaluation, device: torch.device, size: int
    ) -> Iterator[TrainingBatch]:
        """The cases in the order given, as an evaluation gives them."""
        for raw in self.raw_batches(names, evaluation, size):
            yield prepare(raw, device, self.spec)

    def raw_batches(self, names: Sequence[str], evaluation: Evaluation, size: int) -> Iterator[RawBatch]:
        """The same before they are prepared, with the masks that representations are made with."""
        dataset = CachedDataset(self.cache, names, self.grades, evaluation)
        yield from load_batches(dataset, EpochBatches(names, self.grades, size, seed=None))
