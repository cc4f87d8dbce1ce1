"""About how much there is to download, and how much room it takes."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Of a package with what it brings along, in MB (10^6 bytes)."""

    download_mb: float
    installed_mb: float


SIZES = {
    "torch": Size(201, 737),
    "monai": Size(1.7, 6.5),
    "einops": Size(0.1, 0.2),
    "safetensors": Size(0.5, 1.3),
    "jinja2": Size(0.2, 0.6),
    "psutil": Size(0.2, 0.5),
    "tqdm": Size(0.1, 0.2),
}
"""Wheel files and their unpacked contents of the versions in constraints.txt, Linux x86-64; torch as its CPU build."""

TORCH_WITH_CUDA = Size(2740, 4763)
"""torch 2.13.0 from PyPI for Linux, Python 3.12, with CUDA 13.0: 25 wheels of torch, NVIDIA libraries and triton."""


def size_of(name: str, cuda: bool) -> Size:
    """cuda: whether torch will be a build with CUDA. Nothing for what is never downloaded."""
    if name == "torch" and cuda:
        return TORCH_WITH_CUDA
    return SIZES.get(name, Size(0, 0))


def total(sizes: Iterable[Size]) -> Size:
    sizes = tuple(sizes)
    return Size(sum(size.download_mb for size in sizes), sum(size.installed_mb for size in sizes))


def size_text(megabytes: float) -> str:
    """Rounded as an estimate deserves: `2 MB`, `210 MB`, `2.7 GB`."""
    if megabytes >= 995:
        return f"{megabytes / 1000:.1f} GB"
    return f"{max(1, round(megabytes, -1 if megabytes >= 95 else 0)):.0f} MB"
