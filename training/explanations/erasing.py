"""Voxels of the input made uninformative."""

import torch
from torch import Tensor
from torch.nn import functional as F

from REACTKDLib.networks.batch import ModalityBatch


def erased(batch: ModalityBatch, where: Tensor) -> ModalityBatch:
    """The batch with the voxels `where` set to the mean of the case's own image, in each channel of each modality.

    where: (B, d, h, w) bool on a grid that may be coarser than the images', one voxel there a block of theirs. The mean
    is over the whole image and the same whatever is erased.
    """
    grid = next(iter(batch.images.values())).shape[2:]
    blocks = F.interpolate(where[:, None].float(), size=grid, mode="nearest").bool()
    images = {
        modality: torch.where(blocks, image.mean((2, 3, 4), keepdim=True), image)
        for modality, image in batch.images.items()
    }
    return ModalityBatch(images, batch.present)
