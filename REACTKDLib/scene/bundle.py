"""A scene as one `.mrb` file, and back."""

import os
import tempfile
from contextlib import chdir
from pathlib import Path
from zipfile import is_zipfile

import slicer

from ..inference.prediction import OutputError
from .overlay import find_overlays
from .overlay_nodes import Overlay


def write_bundle(scene: slicer.vtkMRMLScene, path: Path | str) -> Path:
    """The whole scene, data included, as a file that appears whole or not at all.

    Raises OutputError when it cannot be written.
    """
    path = Path(path).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as folder:
            # The bundle names its inner folder after the file: it must be written under its final name.
            temporary = Path(folder) / path.name
            if not scene.WriteToMRB(str(temporary)) or not temporary.exists():
                raise OSError("the scene could not be saved")
            os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            "bundle_not_writable",
            f"The scene cannot be written to {path} ({error}).",
            "Choose another folder or free some space.",
        ) from error
    return path


def open_bundle(scene: slicer.vtkMRMLScene, path: Path | str) -> tuple[Overlay, ...]:
    """Replaces the scene's content by the bundle's and returns the overlays in it.

    Raises OutputError when the file is no bundle, or holds no overlay.
    """
    path = Path(path).absolute()
    # A file that is no archive would clear the scene first, and leave the process in a folder that is gone.
    with chdir(Path.cwd()):
        is_open = is_zipfile(path) and scene.ReadFromMRB(str(path), True)
    if not is_open:
        raise OutputError("not_a_bundle", f"{path} cannot be opened as a scene.", "Export the result again.")
    overlays = find_overlays(scene)
    if not overlays:
        raise OutputError("no_overlay", f"{path} holds no complete REACT-KD result.", "Export the result again.")
    return overlays
