"""What REACT-KD brought into Slicer, so that it can take exactly that out again."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .environment import look_again
from .plan import uninstall_arguments
from .requirements import BUNDLED

RECORD_NAME = "installed.json"
MODEL_MARK = "model.json"
OURSELVES = "reactkd"
"""REACT-KD as a package, where it runs from a checkout: it needs everything, and keeps nothing from being removed."""


def installed_versions(path: Sequence[str] | None = None) -> dict[str, str]:
    """Every package -> its version, to compare before and after. path: folders to look in (default: all)."""
    return {name: found.version for name, found in _packages(path).items()}


def update_record(folder: Path, before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Notes in `folder`/installed.json what an installation or a removal changed; returns what is ours now.

    before, after: installed_versions. Ours is what was not there before, and what was ours and still is there.
    """
    recorded = read_record(folder)
    ours_before = {name for name, version in recorded.items() if before.get(name) == version}
    ours = {name: version for name, version in after.items() if name in ours_before or name not in before}
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{RECORD_NAME}.new"
    temporary.write_text(json.dumps(ours, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, folder / RECORD_NAME)
    return ours


def read_record(folder: Path) -> dict[str, str]:
    """Package -> version of what REACT-KD installed. Nothing where there is no record, or one that nobody can read."""
    try:
        values = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(version) for name, version in values.items()} if isinstance(values, dict) else {}


def removable(folder: Path, path: Sequence[str] | None = None) -> tuple[str, ...]:
    """Packages to remove: ours, in the version we brought, that nothing of anybody else needs; never Slicer's own."""
    packages = _packages(path)
    ours = {name for name, version in read_record(folder).items() if name in packages and name not in BUNDLED
            and packages[name].version == version}  # fmt: skip
    ours -= _needed(packages, packages.keys() - ours - {OURSELVES})
    return tuple(sorted(ours))


def removal_arguments(names: Sequence[str]) -> tuple[str, ...]:
    """What follows the Python executable; nothing where there is nothing to remove."""
    return uninstall_arguments(tuple(names)) if names else ()


def cached_models(cache: Path) -> tuple[Path, ...]:
    """Model folders that were downloaded into our cache folder."""
    folders = sorted(cache.iterdir()) if cache.is_dir() else []
    return tuple(path for path in folders if (path / MODEL_MARK).is_file() and not path.is_symlink())


def remove_models(cache: Path) -> tuple[str, ...]:
    """Deletes them, and nothing else in the cache folder; returns their names."""
    models = cached_models(cache)
    for model in models:
        shutil.rmtree(model)
    return tuple(model.name for model in models)


@dataclass(frozen=True)
class _Package:
    """Its metadata are parsed once."""

    version: str
    requires: tuple[str, ...]


def _packages(path: Sequence[str] | None) -> dict[str, _Package]:
    """The first of a name in the search path, as Python takes it."""
    look_again()
    where = {} if path is None else {"path": list(path)}
    found = {}
    for metadata in (distribution.metadata for distribution in distributions(**where)):
        name, version = metadata["Name"], metadata["Version"]
        if name and version:
            requires = tuple(metadata.get_all("Requires-Dist", ()))
            found.setdefault(str(canonicalize_name(name)), _Package(version, requires))
    return found


def _needed(packages: Mapping[str, _Package], roots: Iterable[str]) -> set[str]:
    """The roots and all that they stand on here, extras included: torch asks for those of cuda-toolkit."""
    seen, open_ones = set(), [(name, "") for name in roots]
    while open_ones:
        name, extra = asked = open_ones.pop()
        if asked in seen or name not in packages:
            continue
        seen.add(asked)
        for requirement in _requirements(packages[name]):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                below = str(canonicalize_name(requirement.name))
                open_ones += [(below, asked_for) for asked_for in ("", *requirement.extras)]
    return {name for name, _ in seen}


def _requirements(package: _Package) -> list[Requirement]:
    """Those that can be read; an odd one of somebody's package is not our concern."""
    found = []
    for line in package.requires:
        with suppress(InvalidRequirement):
            found.append(Requirement(line))
    return found
