"""Images to files, with the certainty that they arrived."""

from pathlib import Path

import SimpleITK as sitk

from .integrity import is_whole


def write_image(image: sitk.Image, path: Path | str) -> None:
    """Compressed where the format allows. Raises OSError when the file cannot be written whole."""
    path = Path(path)
    problem = None
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        problem = error
    if problem or not path.is_file() or not is_whole(path):
        raise OSError(f"{path.name} could not be written whole; is the disk full?") from problem
