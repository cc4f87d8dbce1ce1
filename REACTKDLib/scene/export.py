"""A prediction as a scene file and pictures, made without the application.

Meant to run as a process of its own, because rendering can crash where OpenGL is broken::

    python -m REACTKDLib.scene.export FOLDER --ct CT [--pet-fdg PET] [--pet-act PET] [--no-snapshots] [--no-bundle]

The last line on stdout is JSON: `pictures`, `bundle` and `skipped` (why there are no pictures), or `error`.
"""

import argparse
import json
import sys
from pathlib import Path

import SimpleITK as sitk

from ..imaging.errors import CaseError, ReactKDError
from ..imaging.spec import TRACERS
from ..inference.prediction import Prediction
from .files import BUNDLE_NAME, write_files
from .layout import add_layout
from .overlay import build_overlay
from .rendering import can_render
from .snapshots import Picture
from .standalone import standalone
from .volumes import CaseImages


def export_scene(
    prediction: Prediction, images: CaseImages, folder: Path | str, snapshots: bool = True, bundle: bool = True
) -> list[Picture]:
    """Writes `scene.mrb` and `pictures/*.png` into a folder; returns the pictures.

    Without OpenGL there are none, and `can_render` says why. Raises OutputError when the folder cannot be written.
    """
    host = standalone()
    host.scene.Clear(0)
    overlay = build_overlay(host.scene, prediction, images)
    add_layout(host, overlay)
    return write_files(overlay, folder, snapshots and can_render()[0], bundle)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 1 with the error in the JSON line."""
    options = _parser().parse_args(arguments)
    try:
        result = _export(options)
    except ReactKDError as error:
        result = {"error": error.to_dict()}
    sys.stdout.write(json.dumps(result) + "\n")
    return int("error" in result)


def _export(options: argparse.Namespace) -> dict:
    prediction = Prediction.read(options.folder)
    paths = {tracer: path for tracer in TRACERS if (path := getattr(options, f"pet_{tracer}"))}
    images = CaseImages(_read(options.ct), {tracer: _read(path) for tracer, path in paths.items()})
    out = options.out or options.folder
    pictures = export_scene(prediction, images, out, options.snapshots, options.bundle)
    return {
        "pictures": [{"name": p.name, "path": str(p.path), "caption": p.caption} for p in pictures],
        "bundle": str(out / BUNDLE_NAME) if options.bundle else None,
        "skipped": can_render()[1] if options.snapshots else "No pictures were asked for.",
    }


def _read(path: Path) -> sitk.Image:
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CaseError("image_not_readable", f"{path} cannot be read as an image.", "Check the path.") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m REACTKDLib.scene.export", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a prediction's folder")
    parser.add_argument("--ct", type=Path, required=True)
    for tracer in TRACERS:
        parser.add_argument(f"--pet-{tracer}", type=Path)
    parser.add_argument("--out", type=Path, help="where to write; the prediction's folder by default")
    parser.add_argument("--no-snapshots", dest="snapshots", action="store_false")
    parser.add_argument("--no-bundle", dest="bundle", action="store_false")
    return parser


if __name__ == "__main__":
    sys.exit(main())
