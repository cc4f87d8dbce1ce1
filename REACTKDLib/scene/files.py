"""What an overlay leaves beside a prediction: the scene as one file, and pictures."""

from pathlib import Path

from .bundle import write_bundle
from .overlay_nodes import Overlay
from .snapshots import Picture, take_snapshots

BUNDLE_NAME = "scene.mrb"
PICTURES_NAME = "pictures"
REPORT_PICTURE = "3d"
"""What goes into the report, which draws slices itself."""


def write_files(overlay: Overlay, folder: Path | str, snapshots: bool, bundle: bool) -> list[Picture]:
    """`scene.mrb`, with the overlay's whole scene, and `pictures/*.png`, each where asked for; returns the pictures.

    snapshots: need OpenGL, see `can_render`. Raises OutputError when the folder cannot be written.
    """
    folder = Path(folder)
    if bundle:
        write_bundle(overlay.scene, folder / BUNDLE_NAME)
    return take_snapshots(overlay, folder / PICTURES_NAME) if snapshots else []
