"""Cases as the cache holds them, made from a label map and a seed."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from training.data.entry import CachedCase

SHAPE = (8, 16, 16)
STRIDE = 4
LEVELS = ("mild", "severe")


def label_map(lesions: int = 2, shape: Sequence[int] = SHAPE, seed: int = 0) -> np.ndarray:
    """A box of liver with `lesions` boxes in it that do not touch each other, in the middle of the field."""
    random = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(n // 8, n - n // 8) for n in shape)] = 1
    columns = np.linspace(shape[2] // 4, 3 * shape[2] // 4, lesions + 1).astype(int)
    for lesion, (first, last) in enumerate(pairwise(columns)):
        z, y = random.integers(shape[0] // 4, shape[0] // 2), random.integers(shape[1] // 4, shape[1] // 2)
        labels[z : z + 2, y : y + 3, first : max(last - 1, first + 1)] = 2 + lesion
    return labels


def region_weights(labels: np.ndarray, stride: int = STRIDE, count: int | None = None) -> np.ndarray:
    """The share of each feature voxel that each label from 1 on holds: float32 (R, d, h, w)."""
    cells = [n // stride for n in labels.shape]
    shape = [size for n in cells for size in (n, stride)]
    values = range(1, 1 + (count or int(labels.max())))
    return np.stack([(labels == value).reshape(shape).mean((1, 3, 5)) for value in values]).astype(np.float32)


def cached_case(
    labels: np.ndarray | None = None,
    tracers: Sequence[str] = ("fdg", "act"),
    levels: Sequence[str] = LEVELS,
    seed: int = 0,
) -> CachedCase:
    """Noise for images, so that no two are alike."""
    labels = label_map() if labels is None else labels
    random = np.random.default_rng(seed)
    names = ("ct", *(f"ct_{level}" for level in levels), *tracers)
    values = tuple(range(1, 1 + int(labels.max())))
    images = {name: random.random(labels.shape).astype(np.float16) for name in names}
    return CachedCase(images, labels, region_weights(labels).astype(np.float16), values, (1, 0.5, 0.25))
