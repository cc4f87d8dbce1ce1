"""What ITK does not say about a file.

It fills what is missing from a truncated NIfTI or compressed NRRD with whatever is at hand, replaces a NIfTI's NaN and
infinity by zero (in a CT, that is soft tissue), and says nothing when the disk is full while it compresses.
"""

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

NIFTI_HEADER_BYTES = 348
NRRD_HEADER_LIMIT = 1 << 16
CHUNK_BYTES = 1 << 20
NIFTI_FLOATS = {16: "f4", 64: "f8"}
"""NIfTI's datatype codes of floating-point voxels."""
NRRD_BYTES = {"8": 1, "16": 2, "32": 4, "64": 8, "char": 1, "short": 2, "int": 4, "float": 4, "double": 8}
"""Bytes a voxel, by the word in NRRD's `type` that tells them."""


@dataclass(frozen=True)
class _Layout:
    """start: where in the file what is compressed begins (0: the whole file is). skip: bytes of it before the voxels.

    size: bytes of all voxels, uncompressed. floats: numpy type of floating-point voxels.
    """

    start: int
    skip: int
    size: int
    compressed: bool
    floats: str | None = None


def is_whole(path: Path) -> bool:
    """Whether a NIfTI or NRRD holds every voxel; True for what is neither. Reads little, unless its size is odd."""
    try:
        layout = _layout(path)
        if layout is None:
            return True
        expected = layout.skip + layout.size
        if not layout.compressed:
            return path.stat().st_size >= layout.start + expected
        # gzip ends with the size of what it holds; a file of several members says that of the last one only.
        with path.open("rb") as file:
            file.seek(-4, 2)
            if struct.unpack("<I", file.read(4))[0] == expected % 2**32:
                return True
        return sum(map(len, _chunks(path, layout))) >= layout.size
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def is_finite(path: Path) -> bool:
    """Whether no voxel of a NIfTI is NaN or infinite. Integer voxels cannot be, and are not read."""
    layout = _layout(path)
    if layout is None or layout.floats is None:
        return True
    kind = np.dtype(layout.floats)
    rest = b""
    for chunk in _chunks(path, layout):
        rest += chunk
        whole = len(rest) - len(rest) % kind.itemsize
        if not np.isfinite(np.frombuffer(rest[:whole], kind)).all():
            return False
        rest = rest[whole:]
    return True


def _layout(path: Path) -> _Layout | None:
    if path.name.endswith((".nii", ".nii.gz")):
        return _nifti_layout(path)
    return _nrrd_layout(path) if path.suffix == ".nrrd" else None


def _nifti_layout(path: Path) -> _Layout | None:
    compressed = path.suffix == ".gz"
    with gzip.open(path) if compressed else path.open("rb") as file:
        raw = file.read(NIFTI_HEADER_BYTES)
    for order in "<>":
        if len(raw) == NIFTI_HEADER_BYTES and struct.unpack_from(f"{order}i", raw)[0] == NIFTI_HEADER_BYTES:
            dimensions = struct.unpack_from(f"{order}8h", raw, 40)
            datatype, bits = struct.unpack_from(f"{order}2h", raw, 70)
            offset = int(struct.unpack_from(f"{order}f", raw, 108)[0])
            voxels = int(np.prod([max(1, size) for size in dimensions[1 : dimensions[0] + 1]], dtype=np.int64))
            floats = order + NIFTI_FLOATS[datatype] if datatype in NIFTI_FLOATS else None
            return _Layout(0, offset, voxels * bits // 8, compressed, floats)
    return None


def _nrrd_layout(path: Path) -> _Layout | None:
    """None also for what is encoded otherwise, or holds its voxels in another file."""
    with path.open("rb") as file:
        header, blank, _ = file.read(NRRD_HEADER_LIMIT).partition(b"\n\n")
    fields = dict(re.findall(r"^(type|sizes|encoding|data file): *(.+?)\r?$", header.decode("latin-1"), re.MULTILINE))
    size = next(
        (size for word, size in NRRD_BYTES.items() if re.search(rf"(?<!\d){word}", fields.get("type", ""))), None
    )
    encoding = fields.get("encoding")
    if not blank or size is None or "data file" in fields or encoding not in ("raw", "gzip", "gz"):
        return None
    voxels = int(np.prod([int(n) for n in fields["sizes"].split()], dtype=np.int64))
    return _Layout(len(header) + 2, 0, voxels * size, encoding != "raw")


def _chunks(path: Path, layout: _Layout) -> Iterator[bytes]:
    """The voxels, uncompressed."""
    with path.open("rb") as file:
        file.seek(layout.start)
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if layout.compressed else file
        stream.read(layout.skip)
        yield from iter(lambda: stream.read(CHUNK_BYTES), b"")
