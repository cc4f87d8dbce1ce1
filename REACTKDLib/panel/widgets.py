"""Small things that several sections do with widgets."""

import html
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import qt

WARNING_COLOR = "#b45309"
"""Dark amber: readable on light and on dark backgrounds."""
MUTED_COLOR = "#6b7280"


@contextmanager
def silent(*widgets: qt.QWidget) -> Iterator[None]:
    """Their signals are held back: the program sets them, not the user."""
    before = [widget.blockSignals(True) for widget in widgets]
    try:
        yield
    finally:
        for widget, blocked in zip(widgets, before, strict=True):
            widget.blockSignals(blocked)


def fill(combo: qt.QComboBox, choices: Iterable[tuple[str, str]], chosen: str) -> None:
    """choices: text and value. A value that is not among them chooses the first."""
    with silent(combo):
        combo.clear()
        for text, value in choices:
            combo.addItem(text, value)
        combo.setCurrentIndex(max(0, combo.findData(chosen)))


def chosen(combo: qt.QComboBox) -> str:
    return combo.itemData(combo.currentIndex) or ""


def escaped(text: object) -> str:
    """For labels that show rich text."""
    return html.escape(str(text), quote=False)


def colored(text: str, color: str) -> str:
    """text: rich text."""
    return f'<span style="color:{color}">{text}</span>'
