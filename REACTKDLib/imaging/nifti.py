"""What ITK does not say about a NIfTI file.

The library inside ITK fills what is missing from a truncated file with zeros, and replaces NaN and infinity by zero:
in a CT, that is soft tissue.
"""

import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER_BYTES = 348
CHUNK_BYTES = 1 << 20
FLOAT_TYPES = {16: "f4", 64: "f8"}
"""NIfTI's datatype codes of floating-point voxels."""


@dataclass(frozen=True)
class Header:
    """order: `<` or `>`. offset: bytes before the voxels. data_bytes: of all voxels."""

    order: str
    datatype: int
    offset: int
    data_bytes: int


def is_nifti(path: Path) -> bool:
    return path.name.endswith((".nii", ".nii.gz"))


def is_whole(path: Path) -> bool:
    """Whether every voxel is there. Reads the header only, unless the size looks wrong."""
    try:
        header = _header(path)
        if header is None:
            return True
        expected = header.offset + header.data_bytes
        if path.suffix != ".gz":
            return path.stat().st_size >= expected
        # gzip ends with the size of what it holds; a file of several members says that of the last one only.
        with path.open("rb") as file:
            file.seek(-4, 2)
            if struct.unpack("<I", file.read(4))[0] == expected % 2**32:
                return True
        return sum(map(len, _chunks(path))) >= expected
    except (EOFError, gzip.BadGzipFile):
        return False


def is_finite(path: Path) -> bool:
    """Whether no voxel is NaN or infinite. Integer voxels cannot be, and are not read."""
    header = _header(path)
    if header is None or header.datatype not in FLOAT_TYPES:
        return True
    kind = np.dtype(header.order + FLOAT_TYPES[header.datatype])
    rest = b""
    for chunk in _chunks(path, header.offset):
        rest += chunk
        whole = len(rest) - len(rest) % kind.itemsize
        if not np.isfinite(np.frombuffer(rest[:whole], kind)).all():
            return False
        rest = rest[whole:]
    return True


def _open(path: Path):
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _chunks(path: Path, offset: int = 0) -> Iterator[bytes]:
    with _open(path) as file:
        file.read(offset)
        yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def _header(path: Path) -> Header | None:
    """None where the file is not a NIfTI-1 (ITK will say what it makes of it)."""
    with _open(path) as file:
        raw = file.read(HEADER_BYTES)
    for order in "<>":
        if len(raw) == HEADER_BYTES and struct.unpack_from(f"{order}i", raw)[0] == HEADER_BYTES:
            dimensions = struct.unpack_from(f"{order}8h", raw, 40)
            datatype, bits = struct.unpack_from(f"{order}2h", raw, 70)
            offset = struct.unpack_from(f"{order}f", raw, 108)[0]
            voxels = int(np.prod([max(1, size) for size in dimensions[1 : dimensions[0] + 1]], dtype=np.int64))
            return Header(order, datatype, int(offset), voxels * bits // 8)
    return None
