"""Whether a NIfTI file arrived whole.

The NIfTI library inside ITK fills what is missing from a truncated file with zeros and says nothing.
"""

import gzip
import struct
from pathlib import Path

HEADER_BYTES = 348
CHUNK = 1 << 20


def is_whole(path: Path) -> bool:
    """True for anything that is not a single-file NIfTI-1. Reads the header only, unless the size looks wrong."""
    compressed = path.name.endswith(".gz")
    if not path.name.removesuffix(".gz").endswith(".nii"):
        return True
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            expected = _expected_bytes(file.read(HEADER_BYTES))
        if expected is None:
            return True
        if not compressed:
            return path.stat().st_size >= expected
        # gzip ends with the size of what it holds; a file of several members says that of the last one only.
        with path.open("rb") as file:
            file.seek(-4, 2)
            if struct.unpack("<I", file.read(4))[0] == expected % 2**32:
                return True
        with gzip.open(path) as file:
            return sum(map(len, iter(lambda: file.read(CHUNK), b""))) >= expected
    except (EOFError, gzip.BadGzipFile):
        return False


def _expected_bytes(header: bytes) -> int | None:
    """Header, padding and voxels; None where the header is not NIfTI-1's."""
    for order in "<>":
        if len(header) == HEADER_BYTES and struct.unpack_from(f"{order}i", header)[0] == HEADER_BYTES:
            dimensions = struct.unpack_from(f"{order}8h", header, 40)
            bits = struct.unpack_from(f"{order}h", header, 72)[0]
            offset = struct.unpack_from(f"{order}f", header, 108)[0]
            voxels = 1
            for size in dimensions[1 : dimensions[0] + 1]:
                voxels *= max(1, size)
            return int(offset) + voxels * bits // 8
    return None
