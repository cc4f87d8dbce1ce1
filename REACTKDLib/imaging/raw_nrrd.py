"""An array as an uncompressed NRRD: for files that another process reads once, as fast as the disk takes them.

ITK's writer needs a copy of the voxels first, and three times as long.
"""

import sys
from pathlib import Path

import numpy as np

from .geometry import Geometry

HEADER = """NRRD0004
type: {type}
dimension: 3
space: left-posterior-superior
sizes: {size}
space directions: {directions}
kinds: domain domain domain
endian: {endian}
encoding: raw
space origin: {origin}

"""
FLOATS = {"float32": "float", "float64": "double"}
"""NRRD's names, where they are not numpy's."""


def write_raw_nrrd(array: np.ndarray, geometry: Geometry, path: Path | str) -> None:
    """array: (D, H, W), integers or floats, on `geometry`. Raises OSError."""
    name = array.dtype.name
    columns = geometry.index_to_world[:3, :3].T.tolist()
    header = HEADER.format(
        type=FLOATS.get(name, name),
        size=" ".join(map(str, geometry.size)),
        directions=" ".join(map(_vector, columns)),
        endian=sys.byteorder,
        origin=_vector(geometry.origin),
    )
    with Path(path).open("wb") as file:
        file.write(header.encode("ascii"))
        file.write(np.ascontiguousarray(array).data.cast("B"))


def _vector(values) -> str:
    return "(" + ",".join(repr(float(value)) for value in values) + ")"
