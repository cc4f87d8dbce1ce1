"""What every epoch brought: metrics.csv and TensorBoard."""

import csv
from collections.abc import Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

NAME = "metrics.csv"
Row = dict[str, float]


def write_history(folder: Path, rows: Sequence[Row]) -> None:
    """All epochs so far, written whole, so that a resumed training repeats none."""
    temporary = folder / f".{NAME}"
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(folder / NAME)


def read_history(folder: Path) -> list[Row]:
    """Of a training that may have just begun: one row for each finished epoch."""
    try:
        with (folder / NAME).open(newline="", encoding="utf-8") as file:
            return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []


class TensorBoard:
    """The same numbers as curves, and the seconds an epoch took."""

    def __init__(self, folder: Path, first_epoch: int):
        # What a killed training showed of epochs that are done again is dropped.
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first_epoch)

    def add(self, row: Row, seconds: float) -> None:
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.add_scalar("seconds", seconds, int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
