"""One network to train: which, on which fold, from which seed."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal


@dataclass(frozen=True, order=True)
class Job:
    """kind and name: of the settings in the experiment. fold: the one held out, from 0."""

    kind: Literal["teacher", "student"]
    name: str
    fold: int
    seed: int

    @property
    def folder(self) -> PurePosixPath:
        """Within the run's folder."""
        return PurePosixPath(f"fold{self.fold}", f"seed{self.seed}", f"{self.kind}-{self.name}")

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.kind} {self.name}, fold {self.fold}, seed {self.seed}"
