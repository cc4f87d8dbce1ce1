"""Every setting of an experiment with its default and its text, and every method: written from the code itself."""

import argparse
import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..methods import method_class, method_names
from .config import Experiment

NAME = "NAME"
"""Stands for the name of a teacher or student."""
OPTIONS = f"students.{NAME}.options"
HEAD = "# Every setting\n"
SETTINGS_HEAD = ("setting", "default", "what it is")
METHODS_HEAD = ("name", "title", "what it is", "teacher")
INTRODUCTION = f"""\
Of an experiment, from its top downwards. A YAML file holds those that differ from their defaults. `--set` of
`reactkd-train run` changes one, by its dotted name, with the name of a teacher or student for `{NAME}`:
`--set students.react_kd.optimisation.epochs=3`; a `*` stands for all names: `--set 'students.*.width=64'`. A teacher or
student that is `null` is left out.

[P] the paper says so. [C] only the authors' code says so. [D] our decision, where both are silent or wrong
([method.md](../REACTKDLib/method.md)). Where no unit is said there is none.

This page is made by `python -m training.experiments.reference --write`, and a test holds that it is what the code
says.
"""


@dataclass(frozen=True)
class Setting:
    """name: dotted, from the experiment down. text: for people, with the unit and source."""

    name: str
    default: Any
    text: str


@dataclass(frozen=True)
class Section:
    """Settings that stand together. place: the dotted name that they are below, "" at the top."""

    place: str
    text: str
    settings: tuple[Setting, ...]


def settings_reference() -> str:
    """In Markdown, from Experiment downwards, then the options of each method."""
    parts = [HEAD, INTRODUCTION]
    earlier: dict[type, Section] = {}
    for of, section in sections(Experiment()):
        parts.append(_markdown(section, earlier.get(of)))
        earlier.setdefault(of, section)
    parts.append(f"## Options of the methods\n\n`{OPTIONS}`, by `students.{NAME}.method`.\n")
    for name in method_names():
        parts.append(_method_options(name))
    return "\n".join(parts)


def methods_reference() -> str:
    """All methods as a Markdown table, from the folder that is their registry."""
    return _table(METHODS_HEAD, map(_method_row, method_names()))


def sections(settings: object, place: str = "", text: str = "") -> Iterator[tuple[type, Section]]:
    """The dataclass and those below it, each with its class, in the order of their fields."""
    of = type(settings)
    yield of, Section(place, text or _first_paragraph(of), settings_of(settings, place))
    hints, texts = get_type_hints(of), _attribute_docstrings(of)
    for field in fields(of):
        value = getattr(settings, field.name)
        if (below := _settings_below(hints[field.name], value)) is not None:
            by_name = isinstance(value, dict)
            words = (
                texts.get(field.name, ""),
                _first_paragraph(type(below)),
                f"If none is named there is one, `{', '.join(value)}`." if by_name else "",
                "There are none (`null`) unless given." if value is None else "",
            )
            name = f"{field.name}.{NAME}" if by_name else field.name
            yield from sections(below, _dotted(place, name), " ".join(filter(None, words)))


def settings_of(settings: object, place: str = "") -> tuple[Setting, ...]:
    """Those of a dataclass that are values, not settings of their own. place: the dotted name that they are below."""
    hints, texts = get_type_hints(type(settings)), _attribute_docstrings(type(settings))
    return tuple(
        Setting(
            _dotted(place, field.name),
            getattr(settings, field.name),
            " ".join(filter(None, (texts.get(field.name, ""), _choices(hints[field.name])))),
        )
        for field in fields(settings)
        if _settings_below(hints[field.name], getattr(settings, field.name)) is None
    )


def write_pages(folder: Path) -> None:
    """Writes SETTINGS.md, and in README.md the table of methods in place of the one there. Raises OSError."""
    (folder / "SETTINGS.md").write_text(settings_reference(), encoding="utf-8")
    readme = folder / "README.md"
    before, head, rest = readme.read_text(encoding="utf-8").partition(_table(METHODS_HEAD, ()))
    if head:
        _, blank, after = rest.partition("\n\n")
        readme.write_text(before + methods_reference() + blank[1:] + after, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.experiments.reference", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("settings", "methods"), default="settings", help="to print")
    parser.add_argument("--write", action="store_true", help="write both into training/SETTINGS.md and README.md")
    arguments = parser.parse_args()
    if arguments.write:
        write_pages(Path(__file__).parents[1])
    else:
        print({"settings": settings_reference, "methods": methods_reference}[arguments.what](), end="")


def _settings_below(hint: Any, value: Any) -> object | None:
    """The settings that a field holds: its own, those of its first name, or the defaults where it is null."""
    if isinstance(value, dict):
        return next((one for one in value.values() if is_dataclass(one)), None)
    if is_dataclass(value):
        return value
    inner = next((part for part in get_args(hint) if is_dataclass(part)), None)
    return inner and inner()


def _choices(hint: Any) -> str:
    """Of a Literal, also within a tuple or beside None."""
    if get_origin(hint) is Literal:
        return f"One of {', '.join(f'`{choice}`' for choice in get_args(hint))}."
    found = (_choices(part) for part in get_args(hint) if part not in (NoneType, Ellipsis))
    return next((text.replace("One of", "Of") for text in found if text), "")


def _attribute_docstrings(of: type) -> dict[str, str]:
    """The text below each field, in one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(of))).body
    return {
        field.target.id: _in_one_line(text.value.value)
        for field, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _first_paragraph(of: type) -> str:
    """Of its docstring, without what it raises and without the sources that the introduction explains."""
    text = _in_one_line((inspect.getdoc(of) or "").split("\n\n")[0])
    return text.split(" Raises ")[0].split(" [P] paper, ")[0]


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _markdown(section: Section, earlier: Section | None) -> str:
    """earlier: the section of the same class above, of which only the differences are repeated."""
    title = f"## `{section.place}`" if section.place else "## At the top"
    settings = section.settings
    if earlier is None:
        return f"{title}\n\n{section.text}\n\n{_settings_table(settings)}"
    changed = [new for new, old in zip(settings, earlier.settings, strict=True) if new.default != old.default]
    if not changed:
        return f"{title}\n\nAs `{earlier.place}`.\n"
    return f"{title}\n\nAs `{earlier.place}`, with other defaults for these:\n\n{_settings_table(changed)}"


def _method_options(name: str) -> str:
    method = method_class(name)
    options = method.Options()
    title = f"### `{name}`: {method.title}"
    if not fields(options):
        return f"{title}\n\nIt has none.\n"
    return f"{title}\n\n{_first_paragraph(type(options))}\n\n{_settings_table(settings_of(options, OPTIONS))}"


def _dotted(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _settings_table(settings: Iterable[Setting]) -> str:
    return _table(SETTINGS_HEAD, ((f"`{one.name}`", f"`{_in_yaml(one.default)}`", one.text) for one in settings))


def _method_row(name: str) -> tuple[str, ...]:
    method = method_class(name)
    what = _in_one_line(inspect.getdoc(sys.modules[method.__module__]).split("\n\n")[0])
    branches = " and ".join(method.teacher_branches)
    teacher = (f"with {branches}" if branches else "any") if method.needs_teacher else "none"
    return f"`{name}`", method.title + (", Table I" if method.published else ""), what, teacher


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _in_yaml(value: Any) -> str:
    """As `--set` takes it."""
    return str(value) if isinstance(value, (str, Path)) else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
