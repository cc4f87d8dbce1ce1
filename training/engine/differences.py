"""What two trees of settings do not agree on."""

from collections.abc import Iterator, Mapping
from typing import Any

SHOWN = 60
"""Characters of a value, at most."""


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any], source: str) -> list[str]:
    """One line for each value that is not the same, sorted by place. source: where `found` is from, in words."""
    return sorted(_differences(found, wanted, source, ""))


def _differences(found: Any, wanted: Any, source: str, place: str) -> Iterator[str]:
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key in found.keys() | wanted.keys():
            yield from _differences(found.get(key), wanted.get(key), source, f"{place}.{key}" if place else str(key))
    elif found != wanted:
        yield f"{place}: {_short(found)} in {source}, {_short(wanted)} now"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
