"""Packages for a machine without the network.

python -m REACTKDLib.setup.offline make FOLDER      on a connected machine with the same system
python -m REACTKDLib.setup.offline verify FOLDER    anywhere the folder was copied to
"""

import argparse
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import SetupError
from .manifest import MODELS, verify, write_manifest
from .requirements import WITHOUT_DEPENDENCIES, proven_versions


def make(
    folder: Path,
    python: str | None = None,
    models: Sequence[Path] = (),
    pip_options: Sequence[str] = (),
) -> None:
    """Downloads every package that Slicer does not bring, copies models beside them, and writes the manifest.

    python: version such as 3.12 (default: this one's). pip_options: more for pip, such as the index of another build of
    torch, or `--platform` for an older system.
    Raises SetupError: folder_not_empty, download_failed.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SetupError("folder_not_empty", f"{folder.name} is not empty.", "Name a folder that does not exist yet.")
    folder.mkdir(parents=True, exist_ok=True)
    for arguments in download_arguments(folder, python, pip_options):
        if subprocess.run([sys.executable, *arguments], check=False).returncode:
            message = f"pip could not download everything; {folder.name} is not complete."
            raise SetupError("download_failed", message, "pip's last lines say why. Remove the folder and try again.")
    for model in models:
        shutil.copytree(model, folder / MODELS / model.name)
    write_manifest(folder, python)


def download_arguments(folder: Path, python: str | None, pip_options: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Two calls of pip: what comes with its dependencies, and what comes without; each follows the executable."""
    common = ("-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--only-binary", ":all:")
    common += ("--dest", str(folder), "--python-version", python or platform.python_version(), *pip_options)
    versions = proven_versions()
    alone = tuple(f"{name}=={version}" for name, version in versions.items() if name in WITHOUT_DEPENDENCIES)
    others = tuple(f"{name}=={version}" for name, version in versions.items() if name not in WITHOUT_DEPENDENCIES)
    return (*common, *others), (*common, "--no-deps", *alone)


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 2 with what is wrong as the last line of stderr."""
    parser = argparse.ArgumentParser(prog="python -m REACTKDLib.setup.offline", description="Install without network.")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="download packages; options not listed are pip's", allow_abbrev=False)
    making.add_argument("--python", metavar="X.Y", help="for this version of Python (default: this one's)")
    making.add_argument("--model", action="append", default=[], type=Path, metavar="DIR", help="a model folder to add")
    making.add_argument("folder", type=Path)
    commands.add_parser("verify", help="compare every file with the manifest").add_argument("folder", type=Path)
    options, pip_options = parser.parse_known_args(arguments)
    if pip_options and options.command != "make":
        parser.error(f"unknown: {' '.join(pip_options)}")
    try:
        if options.command == "make":
            make(options.folder, options.python, options.model, pip_options)
        else:
            verify(options.folder)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
