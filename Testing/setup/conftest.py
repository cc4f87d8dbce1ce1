"""A Python with hand-made packages, and hand-made wheels."""

import base64
import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from REACTKDLib.setup.environment import Environment, inspect_environment
from REACTKDLib.setup.requirements import module_of, proven_versions

SLICER = {"numpy": "2.4.6", "simpleitk": "2.5.5", "pillow": "12.2.0", "packaging": "26.2"}
"""What Slicer 5.12 brings: SuperBuild/External_python-*.cmake of its branch 5.12."""
ROOM = 100_000
"""MB: enough for every package."""


class Packages:
    """A folder of packages as pip leaves them: a module and its metadata."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = [str(folder)]

    def add(self, name: str, version: str, requires: tuple[str, ...] = (), module: bool = True) -> None:
        if module:
            (self.folder / f"{module_of(name)}.py").write_text("raise RuntimeError('nobody may import this')")
        metadata = self.folder / f"{name}-{version}.dist-info"
        metadata.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {line}" for line in requires]
        (metadata / "METADATA").write_text("\n".join(lines) + "\n")

    def remove(self, name: str) -> None:
        for path in self.folder.glob(f"{name}-*.dist-info"):
            (path / "METADATA").unlink()
            path.rmdir()

    def inspect(self, **changes) -> Environment:
        """As it would be on a disk with enough room; changes: fields of Environment."""
        environment = inspect_environment(self.folder, path=self.path, cuda=False)
        return replace(environment, **{"free_mb": ROOM, "writable": True, **changes})


@pytest.fixture
def packages(tmp_path) -> Packages:
    """Without any package."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return Packages(folder)


@pytest.fixture
def slicer(packages) -> Packages:
    """Slicer's own Python, as it is installed."""
    for name, version in SLICER.items():
        packages.add(name, version)
    return packages


@pytest.fixture
def complete(slicer) -> Packages:
    """Slicer's Python with everything that REACT-KD needs."""
    for name, version in proven_versions().items():
        slicer.add(name, version)
    return slicer


@pytest.fixture
def write_wheel() -> Callable[..., Path]:
    def write(folder: Path, name: str, version: str, tag: str = "py3-none-any", requires: tuple[str, ...] = ()) -> Path:
        """A wheel that pip installs: one module, its metadata and their hashes."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{version}-{tag}.whl"
        metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        files = {
            f"{name}.py": f"version = {version!r}\n",
            f"{name}-{version}.dist-info/METADATA": "\n".join(
                [*metadata, *(f"Requires-Dist: {line}" for line in requires), ""]
            ),
            f"{name}-{version}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        digests = {
            file: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            for file, text in files.items()
        }
        record = f"{name}-{version}.dist-info/RECORD"
        rows = [f"{file},sha256={digests[file]},{len(text)}" for file, text in files.items()]
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in files.items():
                archive.writestr(file, text)
            archive.writestr(record, "\n".join([*rows, f"{record},,", ""]))
        return path

    return write
