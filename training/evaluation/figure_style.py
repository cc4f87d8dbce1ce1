"""How figures look in print, and how they are saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .errors import EvaluationError

COLUMN_MM, PAGE_MM = 88, 180
"""Widths of a journal's column and of its page."""
MM_PER_INCH = 25.4
PNG_DPI = 300
NOTE_CHARACTERS = 76
"""That fit into a column in the note's size, in the widest of the fonts."""
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
"""Told apart with any colour vision (Okabe and Ito 2008); instead of their yellow, too faint as a line, Tol's wine."""
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (2, 3)))
"""With the colours, so that lines are told apart in grey too."""
MARKERS = "osD^vPX"
GREY = "#767676"
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
}
"""Letters stay letters in the PDF."""


@contextmanager
def print_style() -> Iterator[None]:
    """Everything drawn or saved inside looks alike; nothing outside is changed."""
    with matplotlib.rc_context(STYLE):
        matplotlib.rcParams["font.sans-serif"] = _installed(STYLE["font.sans-serif"])
        yield


def new_figure(height_mm: float, note: str) -> tuple[Figure, Axes]:
    """One axes in a column's width, and the note below it."""
    figure = blank_figure(COLUMN_MM, height_mm, note)
    return figure, figure.add_subplot()


def blank_figure(width_mm: float, height_mm: float, note: str) -> Figure:
    """No axes yet, and the note below them."""
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), layout="constrained")
    FigureCanvasAgg(figure)
    if note:
        lines = fill(note, int(NOTE_CHARACTERS * width_mm / COLUMN_MM))
        figure.supxlabel(lines, fontsize=6, color=GREY, style="italic")
    return figure


def save(figure: Figure, stem: Path | str) -> tuple[Path, Path]:
    """`stem`.pdf, vector, and `stem`.png, 300 dpi. Raises EvaluationError output_not_writable."""
    stem = Path(stem)
    paths = stem.with_name(stem.name + ".pdf"), stem.with_name(stem.name + ".png")
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with print_style():
            # Without a date, the same figure is the same file.
            figure.savefig(paths[0], metadata={"CreationDate": None})
            figure.savefig(paths[1], dpi=PNG_DPI)
    except OSError as error:
        raise EvaluationError(
            "output_not_writable",
            f"The figure {stem.name} cannot be written: {error.strerror}.",
            "Choose another place, or free some space.",
        ) from error
    return paths


def _installed(families: list[str]) -> list[str]:
    """Asking matplotlib for a font that is not there warns at every letter."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    return [family for family in families if family in known]
