"""A table as LaTeX that fits a page."""

from collections.abc import Iterable, Sequence
from itertools import chain
from textwrap import wrap

ESCAPED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "κ": r"$\kappa$"} | {
    "±": r"$\pm$", "−": "$-$", "≥": r"$\geq$", "≤": r"$\leq$", "<": "$<$", ">": "$>$", "×": r"$\times$",
    "✓": r"$\checkmark$", "–": "--",
} | {character: f"\\{character}" for character in "&%$#_{}"}  # fmt: skip
PACKAGES = (
    "% Needs the packages booktabs, amssymb (check marks), longtable (many lines), pdflscape (wide tables)\n"
    "% and, for letters with accents, inputenc in UTF-8.\n"
    "% Fits A4 with margins of 2 cm: \\usepackage[a4paper, margin=2cm]{geometry}."
)
UPRIGHT, LANDSCAPE = False, True
SIZES = (
    ("normalsize", UPRIGHT, 96),
    ("footnotesize", UPRIGHT, 113),
    ("footnotesize", LANDSCAPE, 172),
    ("scriptsize", LANDSCAPE, 183),
    ("tiny", LANDSCAPE, 215),
)
"""Digits across A4 with margins of 2 cm, in Computer Modern: 5, 4.25, 3.98 and 3.4 pt wide."""
HEAD, CELL = 10, 14
"""Characters that a head may have in a line beyond those of its cells, and a cell of a table that is too wide."""
LONG = 30
"""Lines of a table that one page holds, whatever the size."""


def latex_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], below: Sequence[str]) -> str:
    """head, rows: cells as people read them. below: paragraphs.

    Its letters are as small, and the page is turned, where a line would not fit; one that never fits has cells of
    several lines. More rows than a page holds go on to the next one.
    """
    lines = [[[cell] for cell in row] for row in rows]
    if _characters(head, lines) > SIZES[-1][-1]:
        lines = [[wrap(cell, CELL) or [""] for cell in row] for row in rows]
    characters = _characters(head, lines)
    size, turned = next((of[:2] for of in SIZES if characters <= of[2]), SIZES[-1][:2])
    long = sum(max(map(len, row)) for row in lines) > LONG
    heads = [_stacked(wrap(text, width)) for text, width in zip(head, _head_widths(head, lines), strict=True)]
    table = _long if long else _short
    inside = table(title, _row(heads), [_row(map(_stacked, row)) for row in lines])
    after = [r"\par\footnotesize " + escape(text) for text in below]
    setting = rf"\{size}\setlength{{\tabcolsep}}{{2pt}}"
    if long:
        made = ["{" + setting, *inside, "}", *("{" + text + r"\par}" for text in after)]
    else:
        made = [r"\begin{table}", r"\centering", setting, *inside, *after, r"\end{table}"]
    return "\n".join([PACKAGES, *([r"\begin{landscape}", *made, r"\end{landscape}"] if turned else made)]) + "\n"


def escape(text: str) -> str:
    return "".join(ESCAPED.get(character, character) for character in text)


def _short(title: str, head: str, rows: Sequence[str]) -> list[str]:
    columns = head.count(" & ") + 1
    return [
        rf"\caption{{{escape(title)}}}", rf"\begin{{tabular}}{{{'l' * columns}}}", r"\toprule", head, r"\midrule",
        *rows, r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip


def _long(title: str, head: str, rows: Sequence[str]) -> list[str]:
    """The head again on every page."""
    columns = head.count(" & ") + 1
    return [
        rf"\begin{{longtable}}{{{'l' * columns}}}", rf"\caption{{{escape(title)}}} \\", r"\toprule", head, r"\midrule",
        r"\endfirsthead", r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endlastfoot",
        *rows, r"\end{longtable}",
    ]  # fmt: skip


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _stacked(lines: Sequence[str]) -> str:
    if len(lines) < 2:
        return escape("".join(lines))
    # {}: a bracket right after the end of a line would be read as a length.
    return r"\shortstack[l]{" + r"\\{}".join(map(escape, lines)) + "}"


def _head_widths(head: Sequence[str], lines: Sequence[Sequence[Sequence[str]]]) -> list[int]:
    """Characters of each column's cells, or somewhat more for its head."""
    cells = [max(map(len, chain.from_iterable(row[index] for row in lines)), default=0) for index in range(len(head))]
    return [max(widest, HEAD) for widest in cells]


def _characters(head: Sequence[str], lines: Sequence[Sequence[Sequence[str]]]) -> int:
    """Of a line, with what lies between columns."""
    widths = []
    for index, (text, width) in enumerate(zip(head, _head_widths(head, lines), strict=True)):
        cells = chain.from_iterable(row[index] for row in lines)
        widths.append(1 + max(map(len, [*wrap(text, width), *cells]), default=0))
    return sum(widths)
