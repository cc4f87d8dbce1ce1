"""A comparison as one HTML page: nothing to load from anywhere."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from ..evaluation.figure_style import print_style
from ..evaluation.table import Cell, Table, Value
from .pictures import Picture

RESEARCH_USE = "Research use only"
SCREEN_DPI = 200


@dataclass(frozen=True)
class Chapter:
    """tables: by stem of their files. data: what tables were made of, too long for a page, by name of the file."""

    title: str
    tables: dict[str, Table]
    pictures: Sequence[Picture] = ()
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """facts: what was run, by name. warning: what the numbers say nothing about. missing: what is not in it, and why.

    settings: the run's configuration, as its file has it.
    """

    title: str
    facts: dict[str, str]
    warning: str
    missing: Sequence[str]
    chapters: Sequence[Chapter]
    settings: str


def write_page(page: Page, path: Path) -> None:
    """The same page gives the same bytes. Raises OSError."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"uri": _data_uri, "is_number": _is_number}
    environment.tests |= {"is_number": _is_number}
    text = environment.get_template("page.html.j2").render(page=page, research_use=RESEARCH_USE)
    path.write_text(text, encoding="utf-8")


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, Value | int)


def _data_uri(picture: Picture) -> str:
    png = io.BytesIO()
    with print_style():
        picture.figure.savefig(png, format="png", dpi=SCREEN_DPI, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode("ascii")
