"""How what is missing gets into Slicer's Python: steps for someone else to run, one after the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .environment import Environment, Status
from .errors import SetupError
from .manifest import Manifest, read_manifest
from .requirements import PYTORCH, WITHOUT_DEPENDENCIES, proven_versions
from .sizes import size_text

PIP_INSTALL = (
    *("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
    *("--only-binary", ":all:"),
)
"""Wheels only: a package that had to be compiled would fail minutes later, in words nobody can act on."""


@dataclass(frozen=True)
class Network:
    """Packages from the index that pip is set up for."""


@dataclass(frozen=True)
class Folder:
    """Packages from a folder with a manifest, and from nowhere else."""

    path: Path


@dataclass(frozen=True)
class Step:
    """Something to run before the next step; the first that fails ends the installation.

    kind: `pip` and `verify` run Python with `arguments`, REACTKDLib importable; `pytorch_extension` asks Slicer's
    PyTorch extension to install torch in the range `wanted`. packages: what is there afterwards.
    """

    kind: Literal["verify", "pip", "pytorch_extension"]
    label: str
    packages: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    wanted: str = ""


def install_plan(environment: Environment, source: Network | Folder) -> tuple[Step, ...]:
    """The steps that bring in `environment.missing`; none where nothing is missing.

    pip is given the versions that the tests ran with: a range with a constraints file would say no more, and pip's
    errors about it much less.

    Raises SetupError: cannot_install, where the environment has obstacles, package_not_in_folder, and what
    read_manifest raises.
    """
    if environment.obstacles:
        raise SetupError("cannot_install", "Nothing can be installed here.", " ".join(environment.obstacles))
    if not environment.missing:
        return ()
    manifest = read_manifest(source.path) if isinstance(source, Folder) else None
    steps = [] if manifest is None else [_verify_step(manifest, environment)]
    if leftovers := [status for status in environment.missing if status.state == "missing" and status.installed]:
        steps.append(_clearing_step(leftovers))
    return (*steps, *(_install_step(status, manifest) for status in environment.missing))


def _verify_step(manifest: Manifest, environment: Environment) -> Step:
    """A process of its own: reading gigabytes would freeze the window."""
    proven = proven_versions()
    wanted = {status.name: proven[status.name] for status in environment.missing}
    # A build of torch names itself after the plus sign: 2.13.0+cu130.
    there = {name: version.partition("+")[0] for name, version in manifest.wheels.items()}
    if absent := [f"{name} {version}" for name, version in wanted.items() if there.get(name) != version]:
        message = f"{manifest.folder.name} has no wheel of {', '.join(absent)}."
        raise SetupError("package_not_in_folder", message, "Make the folder again with this version of REACT-KD.")
    size = sum(mark.size for mark in manifest.files.values()) / 1e6
    arguments = ("-m", "REACTKDLib.setup.offline", "verify", str(manifest.folder))
    return Step("verify", f"{manifest.folder.name} is verified, {size_text(size)}", arguments=arguments)


def _clearing_step(leftovers: list[Status]) -> Step:
    """Pip takes a package whose files are gone for installed, and would leave it so."""
    names = tuple(status.name for status in leftovers)
    return Step("pip", f"What is left of {', '.join(names)} is removed", arguments=uninstall_arguments(names))


def _install_step(status: Status, manifest: Manifest | None) -> Step:
    if status.name == PYTORCH and manifest is None:
        label = f"{PYTORCH}, about {size_text(status.size.download_mb)}, through the PyTorch extension"
        return Step("pytorch_extension", label, (PYTORCH,), wanted=status.wanted)
    arguments = PIP_INSTALL
    if manifest is not None:
        arguments += ("--no-index", "--find-links", str(manifest.folder))
    if status.name in WITHOUT_DEPENDENCIES:
        arguments += ("--no-deps",)
    version = proven_versions()[status.name]
    label = f"{status.name} {version}, about {size_text(status.size.download_mb)}"
    return Step("pip", label, (status.name,), (*arguments, f"{status.name}=={version}"))


def uninstall_arguments(names: tuple[str, ...]) -> tuple[str, ...]:
    """What follows the Python executable."""
    return ("-m", "pip", "uninstall", "--yes", "--no-input", "--disable-pip-version-check", *names)
