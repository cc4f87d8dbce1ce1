"""One case as the cache holds it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load, save

IMAGE = "image."
"""What the names of images begin with in the file; the rest of a case cannot be taken for one."""


@dataclass(frozen=True)
class CachedCase:
    """What training reads of a case.

    images: float16 (D, H, W) on [0, 1], a CT by the HU window, a PET by its percentiles; `ct`, `ct_LEVEL` for every
    dose level of the cache, and `fdg` and `act` where the case has them. label_map: uint8 (D, H, W); 0 background,
    1 liver, 2 and above lesions. region_weights: float16 (R, d, h, w), as in `Preprocessed`.
    labels: the R regions' values in `label_map`. body: count, sum and sum of squares of the in-body voxels of the
    original CT, on [0, 1].
    """

    images: Mapping[str, np.ndarray]
    label_map: np.ndarray
    region_weights: np.ndarray
    labels: tuple[int, ...]
    body: tuple[int, float, float]

    def to_bytes(self) -> bytes:
        """As safetensors."""
        return save(
            {
                **{IMAGE + name: np.ascontiguousarray(image) for name, image in self.images.items()},
                "label_map": np.ascontiguousarray(self.label_map),
                "region_weights": np.ascontiguousarray(self.region_weights),
                "labels": np.array(self.labels, np.uint8),
                "body": np.array(self.body, np.float64),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "CachedCase":
        """What `to_bytes` returned."""
        tensors = load(content)
        count, total, squares = tensors["body"].tolist()
        images = sorted(name for name in tensors if name.startswith(IMAGE))
        return cls(
            {name.removeprefix(IMAGE): tensors[name] for name in images},
            tensors["label_map"],
            tensors["region_weights"],
            tuple(tensors["labels"].tolist()),
            (int(count), total, squares),
        )
