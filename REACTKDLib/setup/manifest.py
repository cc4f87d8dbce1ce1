"""A folder for a hospital without the network: wheels, models, and a manifest that says what they must be.

FOLDER/manifest.json        schema, python, platform, files: path -> sha256 and size in bytes
FOLDER/*.whl                what pip installs
FOLDER/models/NAME/...      model folders, if any
"""

import hashlib
import json
import platform
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from .errors import SetupError

SCHEMA = 1
MANIFEST_NAME = "manifest.json"
MODELS = "models"
COPY_AGAIN = "Copy the whole folder again."
DESKTOP_FILES = {"thumbs.db", "desktop.ini"}
"""What desktops leave in folders, beside names that begin with a dot."""


@dataclass(frozen=True)
class FileMark:
    """What a file must be. size: bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """python, platform: of the machine it was made for, for people to read; the wheels' own tags decide."""

    folder: Path
    python: str
    platform: str
    files: Mapping[str, FileMark]

    @property
    def wheels(self) -> dict[str, str]:
        """Package name -> version."""
        wheels = (parse_wheel_filename(name) for name in self.files if name.endswith(".whl"))
        return {str(name): str(version) for name, version, *_ in wheels}

    @property
    def models(self) -> tuple[Path, ...]:
        """Model folders."""
        names = {name.split("/")[1] for name in self.files if name.startswith(f"{MODELS}/")}
        return tuple(self.folder / MODELS / name for name in sorted(names))


def write_manifest(folder: Path, python: str | None = None) -> Manifest:
    """Marks every file of a folder as it is now. python: the version it is for (default: this one).

    Raises SetupError broken_wheel_name.
    """
    files = {name: _mark(path) for name, path in _files(folder).items()}
    _wheel_tags(files)
    manifest = Manifest(folder, python or _this_python(), sysconfig.get_platform(), files)
    values = {
        "schema": SCHEMA,
        "python": manifest.python,
        "platform": manifest.platform,
        "files": {name: vars(mark) for name, mark in files.items()},
    }
    (folder / MANIFEST_NAME).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return manifest


def read_manifest(folder: Path, tags: Iterable[Tag] | None = None) -> Manifest:
    """Everything that can be told without reading the files: that they are there, and for this Python.

    tags: of the wheels that can be installed (default: those of this Python).
    Raises SetupError: no_manifest, broken_manifest, newer_manifest, file_missing, hash_differs, extra_file,
    broken_wheel_name, wrong_platform.
    """
    manifest = _parse(folder)
    found = _files(folder)
    for name, mark in manifest.files.items():
        if name not in found:
            raise SetupError("file_missing", f"{name} is missing from {folder.name}.", COPY_AGAIN)
        if found[name].stat().st_size != mark.size:
            raise _differs(folder, name)
    if extra := sorted(set(found) - set(manifest.files)):
        raise SetupError(
            "extra_file",
            f"{extra[0]} in {folder.name} is not in its manifest.",
            "Remove it, or make the folder again with it.",
        )
    usable = frozenset(sys_tags() if tags is None else tags)
    for name, wheel_tags in _wheel_tags(manifest.files).items():
        if not wheel_tags & usable:
            raise SetupError(
                "wrong_platform",
                f"{name} cannot be used here: {folder.name} was made for Python {manifest.python} on "
                f"{manifest.platform}, and this is Python {_this_python()} on {sysconfig.get_platform()}.",
                "Make the folder again on a machine like this one.",
            )
    return manifest


def verify(folder: Path, tags: Iterable[Tag] | None = None) -> Manifest:
    """Reads every file, too. Raises SetupError: as read_manifest."""
    manifest = read_manifest(folder, tags)
    for name, mark in manifest.files.items():
        if _mark(folder / name) != mark:
            raise _differs(folder, name)
    return manifest


def _differs(folder: Path, name: str) -> SetupError:
    message = f"{name} in {folder.name} is not the file that the manifest was made from."
    return SetupError("hash_differs", message, f"{COPY_AGAIN} Install nothing from it until then.")


def _parse(folder: Path) -> Manifest:
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise SetupError(
            "no_manifest",
            f"{folder.name} has no {MANIFEST_NAME}.",
            "Choose a folder made by: python -m REACTKDLib.setup.offline make FOLDER",
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        schema, python, where = int(values["schema"]), str(values["python"]), str(values["platform"])
        files = {name: FileMark(str(mark["sha256"]), int(mark["size"])) for name, mark in values["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError("broken_manifest", f"{MANIFEST_NAME} in {folder.name} cannot be read.", COPY_AGAIN) from error
    if schema > SCHEMA:
        raise SetupError(
            "newer_manifest",
            f"{folder.name} was made by a newer REACT-KD (schema {schema}; this one reads {SCHEMA}).",
            "Update REACT-KD, or make the folder again with this version.",
        )
    return Manifest(folder, python, where, files)


def _files(folder: Path) -> dict[str, Path]:
    """Path within the folder, with forward slashes -> file."""
    paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        relative.as_posix(): path
        for relative, path in paths.items()
        if relative.as_posix() != MANIFEST_NAME
        and relative.name.lower() not in DESKTOP_FILES
        and not any(part.startswith(".") for part in relative.parts)
    }


def _wheel_tags(names: Iterable[str]) -> dict[str, frozenset[Tag]]:
    tags = {}
    for name in names:
        if name.endswith(".whl"):
            try:
                tags[name] = parse_wheel_filename(name)[-1]
            except InvalidWheelFilename as error:
                raise SetupError(
                    "broken_wheel_name", f"{name} is no name of a wheel.", "Make the folder again; rename nothing."
                ) from error
    return tags


def _mark(path: Path) -> FileMark:
    with path.open("rb") as file:
        return FileMark(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _this_python() -> str:
    return ".".join(platform.python_version_tuple()[:2])
