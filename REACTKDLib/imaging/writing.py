"""Images to files, with the certainty that they arrived."""

import gzip
from pathlib import Path

import SimpleITK as sitk


def write_image(image: sitk.Image, path: Path | str) -> None:
    """Raises OSError when the file cannot be written whole.

    ITK's NIfTI writer says nothing when the disk is full, so what was compressed is read back to its checksum.
    """
    path = Path(path)
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                while file.read(1 << 20):
                    pass
    except (RuntimeError, EOFError, gzip.BadGzipFile) as error:
        raise OSError(f"{path.name} could not be written whole; is the disk full?") from error
