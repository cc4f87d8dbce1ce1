"""The cases of a cache, as a torch Dataset."""

from collections.abc import Mapping, Sequence

from torch.utils.data import DataLoader, Dataset

from .batch_order import EpochBatches
from .cache import Cache
from .draws import CaseFacts, DrawSettings, Evaluation, draw, no_draw
from .raw_batch import RawBatch, RawCase, collate


class CachedDataset(Dataset):
    """Reads a case for (epoch, name) and draws what it gets: at random for training, or as an `Evaluation` says.

    The epoch comes with each name, so that worker processes, which live longer than one, need not be told.
    """

    def __init__(
        self,
        cache: Cache,
        names: Sequence[str],
        labels: Mapping[str, int | None],
        settings: DrawSettings | Evaluation,
        seed: int = 0,
    ):
        self.cache = cache
        self.names = tuple(names)
        self.labels = labels
        self.settings = settings
        self.seed = seed

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, key: tuple[int, str]) -> RawCase:
        """Raises CohortError where the entry cannot be read, ValueError where an `Evaluation` does not fit the case."""
        epoch, name = key
        case = self.cache.read(name)
        facts = CaseFacts.of(case)
        if isinstance(self.settings, Evaluation):
            drawn = no_draw(name, facts, self.settings)
        else:
            drawn = draw(name, self.seed, epoch, facts, self.settings)
        return RawCase(name, case, self.labels[name], drawn)


def load_batches(dataset: CachedDataset, batches: EpochBatches, workers: int = 0) -> "DataLoader[RawBatch]":
    """A loader of raw batches. workers: processes that read ahead, which stay from epoch to epoch."""
    return DataLoader(
        dataset, batch_sampler=batches, collate_fn=collate, num_workers=workers, persistent_workers=workers > 0
    )
