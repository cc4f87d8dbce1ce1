"""The three representations of an image (method.md, 2.5)."""

from typing import Literal

from .regions import LIVER_LABEL

SPACE = (-3, -2, -1)


def representations(scaled, label_map, mean, std, liver_std, zero: Literal["liver", "mean"]) -> tuple:
    """full, masked, lesion of a volume on [0, 1]; arrays or tensors alike, each shaped as `scaled`.

    scaled: (..., D, H, W). label_map: likewise, as in `Preprocessed`. mean, std: of the training cohort for a CT, of
    the volume itself for a PET; the mean also stands for a liver that has no parenchyma on the grid. liver_std: unit
    of masked and lesion where the liver is zero. zero: as in `PreprocessingSpec`.
    """
    liver, lesions = label_map > 0, label_map > LIVER_LABEL
    if zero == "mean":
        normalised = (scaled - mean) / std
        return normalised, normalised * liver, scaled * lesions
    difference = scaled - _mean_of_liver(scaled, label_map, mean)
    inside = difference / liver_std
    return difference / std, inside * liver, inside * lesions


def _mean_of_liver(scaled, label_map, otherwise):
    """(..., 1, 1, 1), over the parenchyma."""
    parenchyma = label_map == LIVER_LABEL
    # In the type of the volume: a mean in float64 would make all that follows float64.
    count = parenchyma.sum(SPACE, keepdims=True, dtype=scaled.dtype)
    nowhere = 1 - count.clip(0, 1)
    return ((scaled * parenchyma).sum(SPACE, keepdims=True) + otherwise * nowhere) / (count + nowhere)
