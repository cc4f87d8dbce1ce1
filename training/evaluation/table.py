"""One table, printed as Markdown, CSV and LaTeX."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from .latex import latex_table


@dataclass(frozen=True)
class Value:
    """A number in a cell. std: its spread. low, high: its interval.

    style: percent is written times 100, rounded with three digits that count.
    """

    value: float
    std: float | None = None
    low: float | None = None
    high: float | None = None
    style: Literal["percent", "plain", "p", "rounded"] = "plain"

    def __str__(self) -> str:
        if self.style == "p":
            return "< 0.001" if self.value < 0.001 else f"{self.value:.3f}"
        text = self._number(self.value)
        if self.std is not None:
            text += f" ± {self._number(self.std)}"
        if self.low is not None and self.high is not None:
            text += f" [{self._number(self.low)}, {self._number(self.high)}]"
        return text

    def _number(self, value: float) -> str:
        if self.style == "rounded":
            text = np.format_float_positional(value, precision=3, fractional=False, trim="-")
        else:
            text = f"{100 * value:.1f}" if self.style == "percent" else f"{value:.3f}"
        return text.replace("-", "−")


Cell = str | int | Value


@dataclass(frozen=True)
class Column:
    """key: in CSV. title: for people."""

    key: str
    title: str


MISSING = Column("missing", "Missing")


@dataclass(frozen=True)
class Table:
    """remarks: how the numbers were made. note: what they are of, for instance phantoms; printed wherever they are."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    remarks: tuple[str, ...] = ()
    note: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """What is printed below: the note first."""
        return tuple(text for text in (self.note, *self.remarks) if text)

    def markdown(self) -> str:
        lines = [
            _line([column.title for column in self.columns]),
            "|---" * len(self.columns) + "|",
            *(_line([str(cell) for cell in row]) for row in self.rows),
        ]
        below = [f"\n*{text}*" if text == self.note else f"\n{text}" for text in self.texts]
        return "\n".join([f"**{self.title}**\n", *lines, *below]) + "\n"

    def csv(self) -> str:
        """Numbers in full; a `Value` takes one column for each of its parts. The note is in every line."""
        parts = [self._parts(index) for index in range(len(self.columns))]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        heads = [
            column.key if part == "value" else f"{column.key}_{part}"
            for column, of_column in zip(self.columns, parts, strict=True)
            for part in of_column
        ]
        writer.writerow([*heads, "note"] if self.note else heads)
        for row in self.rows:
            cells = [_part(cell, part) for cell, of in zip(row, parts, strict=True) for part in of]
            writer.writerow([*cells, self.note] if self.note else cells)
        return text.getvalue()

    def latex(self) -> str:
        """For the packages and the page that its first lines name."""
        head = [column.title for column in self.columns]
        return latex_table(self.title, head, [[str(cell) for cell in row] for row in self.rows], self.texts)

    def _parts(self, index: int) -> list[str]:
        values = [row[index] for row in self.rows if isinstance(row[index], Value)]
        names = [field.name for field in fields(Value) if field.name != "style"]
        return ["value"] + [name for name in names[1:] if any(getattr(value, name) is not None for value in values)]


def with_missing(
    columns: Sequence[Column], lines: Sequence[tuple[Sequence[Cell], str]]
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Columns and rows of a table some of whose lines may lack their last cells.

    lines: cells, and why some are missing, "" where none is: in a column of its own, if any line says so.
    """
    said = any(why for _, why in lines)
    rows = [(*cells, *[""] * (len(columns) - len(cells)), *([why] if said else [])) for cells, why in lines]
    return (*columns, *([MISSING] if said else [])), tuple(rows)


def _part(cell: Cell, part: str) -> str | float | int:
    if isinstance(cell, Value):
        number = getattr(cell, part)
        return "" if number is None else number
    return cell if part == "value" else ""


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
