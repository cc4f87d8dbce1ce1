"""What ITK does not say about a file.

It fills what is missing from a truncated NIfTI or compressed NRRD with whatever is at hand, replaces a NIfTI's NaN and
infinity by zero (in a CT, that is soft tissue), takes one of a NIfTI's two positions where these differ, and says
nothing when the disk is full while it compresses.
"""

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

NIFTI_HEADER_BYTES = 348
NIFTI_MAGIC = (b"n+1\0", b"ni1\0")
"""Without it, the header is Analyze's, of the same layout up to where the positions are."""
NRRD_HEADER_LIMIT = 1 << 16
CHUNK_BYTES = 1 << 20
NIFTI_FLOATS = {16: "f4", 64: "f8"}
"""NIfTI's datatype codes of floating-point voxels."""
NRRD_BYTES = {"8": 1, "16": 2, "32": 4, "64": 8, "char": 1, "short": 2, "int": 4, "float": 4, "double": 8}
"""Bytes a voxel, by the word in NRRD's `type` that tells them."""


@dataclass(frozen=True)
class _Layout:
    """path: of the file with the voxels. start: where in it what is compressed begins (0: the whole file is).

    skip: bytes of that before the voxels. size: bytes of all voxels, uncompressed. floats: numpy type of floating-point
    voxels.
    """

    path: Path
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
            return layout.path.stat().st_size >= layout.start + expected
        # gzip ends with the size of what it holds; a file of several members says that of the last one only.
        with layout.path.open("rb") as file:
            file.seek(-4, 2)
            if struct.unpack("<I", file.read(4))[0] == expected % 2**32:
                return True
        return sum(map(len, _chunks(layout))) >= layout.size
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def is_finite(path: Path) -> bool:
    """Whether no voxel of a NIfTI is NaN or infinite. Integer voxels cannot be, and are not read."""
    layout = _layout(path)
    if layout is None or layout.floats is None:
        return True
    kind = np.dtype(layout.floats)
    rest = b""
    for chunk in _chunks(layout):
        rest += chunk
        whole = len(rest) - len(rest) % kind.itemsize
        if not np.isfinite(np.frombuffer(rest[:whole], kind)).all():
            return False
        rest = rest[whole:]
    return True


def position_conflict(path: Path) -> float:
    """How far apart a NIfTI's qform and sform put a corner of the image, mm; 0 where that is no more than a voxel.

    0 too where only one of them is given, or the file is no NIfTI.
    """
    order, header = _nifti_header(path) or ("<", b"")
    if header[344:348] not in NIFTI_MAGIC or min(struct.unpack_from(f"{order}2h", header, 252)) <= 0:
        return 0.0
    size = struct.unpack_from(f"{order}3h", header, 42)
    qfac, *spacing = struct.unpack_from(f"{order}4f", header, 76)
    b, c, d, *origin = struct.unpack_from(f"{order}6f", header, 256)
    sform = np.reshape(struct.unpack_from(f"{order}12f", header, 280), (3, 4))
    versor = sitk.VersorTransform((b, c, d, max(0.0, 1 - b * b - c * c - d * d) ** 0.5))
    axes = np.reshape(versor.GetMatrix(), (3, 3)) * spacing * (1, 1, -1 if qfac < 0 else 1)
    corners = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in size))])
    apart = np.linalg.norm(corners @ (np.column_stack([axes, origin]) - sform).T, axis=1).max()
    return float(apart) if apart > min(spacing) else 0.0


def _layout(path: Path) -> _Layout | None:
    if header := _nifti_header(path):
        return _nifti_layout(*header, path.with_suffix(".img") if path.suffix == ".hdr" else path)
    return _nrrd_layout(path) if path.suffix == ".nrrd" else None


def _nifti_header(path: Path) -> tuple[str, bytes] | None:
    """Byte order and header of a NIfTI or Analyze file, or of a pair of files; None for what is neither."""
    if not path.name.endswith((".nii", ".nii.gz", ".hdr", ".img")):
        return None
    path = path.with_suffix(".hdr") if path.suffix == ".img" else path
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        header = file.read(NIFTI_HEADER_BYTES)
    if len(header) < NIFTI_HEADER_BYTES:
        return None
    sizes = {order: struct.unpack_from(f"{order}i", header)[0] for order in "<>"}
    return next(((order, header) for order, size in sizes.items() if size == NIFTI_HEADER_BYTES), None)


def _nifti_layout(order: str, header: bytes, path: Path) -> _Layout:
    dimensions = struct.unpack_from(f"{order}8h", header, 40)
    datatype, bits = struct.unpack_from(f"{order}2h", header, 70)
    offset = int(struct.unpack_from(f"{order}f", header, 108)[0])
    voxels = int(np.prod([max(1, size) for size in dimensions[1 : dimensions[0] + 1]], dtype=np.int64))
    floats = order + NIFTI_FLOATS[datatype] if datatype in NIFTI_FLOATS else None
    return _Layout(path, 0, offset, voxels * bits // 8, path.suffix == ".gz", floats)


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
    return _Layout(path, len(header) + 2, 0, voxels * size, encoding != "raw")


def _chunks(layout: _Layout) -> Iterator[bytes]:
    """The voxels, uncompressed."""
    with layout.path.open("rb") as file:
        file.seek(layout.start)
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if layout.compressed else file
        stream.read(layout.skip)
        yield from iter(lambda: stream.read(CHUNK_BYTES), b"")
