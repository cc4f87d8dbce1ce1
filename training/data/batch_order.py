"""Which cases make up which batch, in which epoch, on which process."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from torch.utils.data import Sampler

from .draws import random_of

ORDER = "/order"
"""The name under which an epoch's order is drawn: no case is called so."""


def order(
    names: Sequence[str], labels: Mapping[str, int | None], seed: int, epoch: int, balanced: bool = False
) -> list[str]:
    """The names in the order of an epoch, whatever order they are given in.

    balanced: every grade as often as the others, to one case, in an epoch of the same length: cases of a rare grade
    come several times, not all of a frequent one come. Cases without a grade come once.
    """
    random = random_of(seed, epoch, ORDER)
    chosen = sorted(names)
    if balanced:
        chosen = _balanced(chosen, labels, random)
    return [chosen[place] for place in random.permutation(len(chosen))]


class EpochBatches(Sampler[list[tuple[int, str]]]):
    """The keys (epoch, name) of each batch of one process.

    Batch k of training is a slice of the epoch's order, of which each process takes its contiguous part: together they
    hold what one process would. The last batch is left out where it is not full, unless it is the only one. Without a
    seed, in evaluation, all cases come in the order given; a process may then have a batch less than the others.

    batch_size: of all processes together. rank: of `ranks` processes, from 0.
    Raises ValueError where there is no case, or a batch cannot be split evenly.
    """

    def __init__(
        self,
        names: Sequence[str],
        labels: Mapping[str, int | None],
        batch_size: int,
        *,
        seed: int | None,
        balanced: bool = False,
        rank: int = 0,
        ranks: int = 1,
    ):
        if not names:
            raise ValueError("there is no case to make a batch of")
        if batch_size < 1 or batch_size % ranks:
            raise ValueError(
                f"a batch of {batch_size} cannot be split over {ranks} processes; choose a multiple of {ranks}"
            )
        if seed is not None and len(names) < batch_size and len(names) % ranks:
            raise ValueError(
                f"{len(names)} training cases, less than a batch of {batch_size}, cannot be split over {ranks} "
                f"processes; train on fewer processes"
            )
        self.names = tuple(names)
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.balanced = balanced
        self.rank = rank
        self.ranks = ranks
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._batches(self.names))

    def __iter__(self) -> Iterator[list[tuple[int, str]]]:
        names = self.names
        if self.seed is not None:
            names = order(names, self.labels, self.seed, self.epoch, self.balanced)
        for part in self._batches(names):
            yield [(self.epoch, name) for name in part]

    def _batches(self, names: Sequence[str]) -> list[list[str]]:
        batches = [names[start : start + self.batch_size] for start in range(0, len(names), self.batch_size)]
        if self.seed is not None and len(batches) > 1 and len(batches[-1]) < self.batch_size:
            batches.pop()
        parts = [[batch[place] for place in self._part(len(batch))] for batch in batches]
        return [part for part in parts if part]

    def _part(self, size: int) -> range:
        """Of a batch of that size, this process's: the first `size % ranks` have one case more."""
        share, more = divmod(size, self.ranks)
        start = self.rank * share + min(self.rank, more)
        return range(start, start + share + (self.rank < more))


def _balanced(names: Sequence[str], labels: Mapping[str, int | None], random: np.random.Generator) -> list[str]:
    """As many names, those of every grade as often as those of the others, to one."""
    of_grade: dict[int, list[str]] = defaultdict(list)
    for name in names:
        if labels[name] is not None:
            of_grade[labels[name]].append(name)
    if not of_grade:
        return list(names)
    labelled = sum(map(len, of_grade.values()))
    share, more = divmod(labelled, len(of_grade))
    favoured = set(random.choice(sorted(of_grade), more, replace=False).tolist())
    chosen = [name for name in names if labels[name] is None]
    for grade in sorted(of_grade):
        cases, count = of_grade[grade], share + (grade in favoured)
        # Whole rounds through the cases, each in an order of its own: none comes twice before all came once.
        rounds = [random.permutation(len(cases)) for _ in range(-(-count // len(cases)))]
        chosen += [cases[place] for place in np.concatenate([*rounds, np.zeros(0, int)])[:count]]
    return chosen
