"""Trees of plain values to frozen dataclasses, every key and value checked."""

from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from jsonargparse import ArgumentError, ArgumentParser

from .errors import ExperimentError

Settings = TypeVar("Settings")
NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path", Any: "anything"}


@dataclass(frozen=True)
class Place:
    """Where a value stands: a file, and the keys down to it."""

    file: str
    keys: tuple[str, ...] = ()

    def below(self, key: object) -> "Place":
        return Place(self.file, (*self.keys, str(key)))

    def __str__(self) -> str:
        return f"{self.file}: {'.'.join(self.keys)}" if self.keys else self.file


def settings_from(values: Any, default: Settings, place: Place) -> Settings:
    """The default with what the tree changes; of settings by name, one that is null is left out.

    Raises ExperimentError bad_config, with place, value and what may be.
    """
    values = mapping(values, place)
    known = [field.name for field in fields(default)]
    if unknown := [key for key in values if key not in known]:
        near = get_close_matches(str(unknown[0]), known, 1)
        raise ExperimentError(
            "bad_config",
            f"{place.below(unknown[0])} is not a setting.",
            f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}.",
        )
    hints = get_type_hints(type(default))
    changes = {key: _value(value, hints[key], getattr(default, key), place.below(key)) for key, value in values.items()}
    return replace(default, **changes)


def _value(value: Any, hint: Any, default: Any, place: Place) -> Any:
    inner = _without_none(hint)
    if value is None and inner is not hint:
        return None
    if is_dataclass(inner):
        return settings_from(value, inner() if default is None else default, place)
    if get_origin(inner) is dict and is_dataclass(of_each := get_args(inner)[1]):
        return {
            str(name): settings_from(entry, of_each(), place.below(name))
            for name, entry in mapping(value, place).items()
            if entry is not None
        }
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    try:
        if value is None:  # the parser takes it for "not given"
            raise ArgumentError(None, "a value is needed")
        return parser.parse_object({"value": value}).value
    except ArgumentError as error:
        raise ExperimentError(
            "bad_config", f"{place} cannot be {value!r}.", f"It is {_in_words(inner)}{_or_nothing(hint)}."
        ) from error


def mapping(values: Any, place: Place) -> dict:
    """Raises ExperimentError bad_config where it is something else."""
    if not isinstance(values, dict):
        raise ExperimentError("bad_config", f"{place} cannot be {values!r}.", "It holds settings, as `name: value`.")
    return values


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        (inner,) = (part for part in get_args(hint) if part is not NoneType)
        return inner
    return hint


def _or_nothing(hint: Any) -> str:
    return "" if _without_none(hint) is hint else ", or null"


def _in_words(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin is tuple and parts[-1] is Ellipsis:
        return f"a list, each {_in_words(parts[0])}"
    if origin is tuple:
        return f"a list of {len(parts)}, each {_in_words(parts[0])}"
    if origin is dict:
        return "settings, as `name: value`"
    return NAMES.get(hint, str(hint))
