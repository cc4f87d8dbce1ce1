"""Whether everything that REACT-KD needs is there. Imports nothing of it: package metadata tell."""

import importlib
import importlib.util
import platform
import shutil
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import MetadataPathFinder, distributions
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from .requirements import PYTHON, Source, module_of, range_text, read_requirements, source_of
from .sizes import Size, size_of, size_text, total

State = Literal["ok", "missing", "too_old", "too_new", "bundled_conflict"]


@dataclass(frozen=True)
class Status:
    """One requirement. wanted: its range, as `>=2.0,<3`.

    installed: its version; beside the state `missing`, one whose files are gone or whose version nobody can read.
    """

    name: str
    wanted: str
    installed: str | None
    state: State
    source: Source
    size: Size

    @property
    def to_install(self) -> bool:
        return self.state in ("missing", "too_old", "too_new")


@dataclass(frozen=True)
class Environment:
    """Slicer's Python, or any other. platform: as sysconfig names it. free_mb: 10^6 bytes, where packages go.

    cuda: whether a driver of NVIDIA is there, so that torch will come with CUDA.
    """

    requirements: tuple[Status, ...]
    python: str
    platform: str
    free_mb: float
    writable: bool
    cuda: bool

    @property
    def ready(self) -> bool:
        return self.python_fits and all(status.state == "ok" for status in self.requirements)

    @property
    def python_fits(self) -> bool:
        return PYTHON.contains(self.python, prereleases=True)

    @property
    def missing(self) -> tuple[Status, ...]:
        """What is to be installed: absent, or outside its range."""
        return tuple(status for status in self.requirements if status.to_install)

    @property
    def conflicts(self) -> tuple[Status, ...]:
        """What Slicer brings in a version that does not fit. It is never replaced: Slicer itself stands on it."""
        return tuple(status for status in self.requirements if status.state == "bundled_conflict")

    @property
    def _total(self) -> Size:
        return total(status.size for status in self.missing)

    @property
    def total_mb(self) -> float:
        """To download, in MB."""
        return self._total.download_mb

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why nothing can be installed here, a sentence each; empty where it can."""
        reasons = []
        if not self.python_fits:
            reasons.append(
                f"REACT-KD needs Python {range_text(PYTHON)}, and this is Python {self.python}: use Slicer 5.12."
            )
        for status in self.conflicts:
            found = f"is {status.installed}" if status.installed else "is not there"
            reasons.append(
                f"{status.name} comes with Slicer and {found}, but REACT-KD needs {status.wanted}: use Slicer 5.12."
            )
        if self.missing and not self.writable:
            reasons.append(
                "Slicer's folder for packages cannot be written to: install Slicer in a folder of your own, "
                "or ask who installed it."
            )
        room = self._total.download_mb + self._total.installed_mb
        if self.missing and self.free_mb < room:
            reasons.append(
                f"About {size_text(room)} are needed on the disk that Slicer is on, and {size_text(self.free_mb)} "
                "are free: make room first."
            )
        return tuple(reasons)


def inspect_environment(
    folder: Path | None = None, *, path: Sequence[str] | None = None, cuda: bool | None = None
) -> Environment:
    """What is installed, compared with what is needed, in milliseconds.

    folder: where pip puts packages (default: this Python's). path: folders to look for packages in (default: all that
    this Python imports from). cuda: whether torch will come with CUDA (default: whether NVIDIA's driver is here).
    """
    look_again()
    folder = folder or Path(sysconfig.get_path("purelib"))
    cuda = _has_nvidia_driver() if cuda is None else cuda
    return Environment(
        tuple(_status(requirement, path, cuda) for requirement in read_requirements()),
        platform.python_version(),
        sysconfig.get_platform(),
        _free_mb(folder),
        _is_writable(folder),
        cuda,
    )


def look_again() -> None:
    """Forgets which packages were there: pip works in a process of its own."""
    importlib.invalidate_caches()
    MetadataPathFinder().invalidate_caches()  # Python 3.13 does it with the others


def _status(requirement: Requirement, path: Sequence[str] | None, cuda: bool) -> Status:
    source = source_of(requirement.name)
    installed = _installed_version(requirement.name, path)
    state = _state(requirement, installed) if installed and _is_importable(requirement.name, path) else "missing"
    if source == "slicer" and state != "ok":
        state = "bundled_conflict"
    size = size_of(requirement.name, cuda)
    return Status(requirement.name, range_text(requirement.specifier), installed, state, source, size)


def _state(requirement: Requirement, installed: str) -> State:
    try:
        version = Version(installed)
    except InvalidVersion:
        return "missing"
    if requirement.specifier.contains(version, prereleases=True):
        return "ok"
    lowest = max(Version(bound.version) for bound in requirement.specifier if bound.operator == ">=")
    return "too_old" if version < lowest else "too_new"


def _installed_version(name: str, path: Sequence[str] | None) -> str | None:
    where = {} if path is None else {"path": list(path)}
    return next((found.version for found in distributions(name=name, **where)), None)


def _is_importable(name: str, path: Sequence[str] | None) -> bool:
    """Whether a module's file is there; it is not run."""
    if path is not None:
        return PathFinder.find_spec(module_of(name), list(path)) is not None
    try:
        return importlib.util.find_spec(module_of(name)) is not None
    except (ImportError, ValueError):
        return False


def _has_nvidia_driver() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def _free_mb(folder: Path) -> float:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free / 1e6


def _is_writable(folder: Path) -> bool:
    """Tried out: what os.access says about a folder of Windows is not true."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
