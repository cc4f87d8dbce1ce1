"""Every constant of preprocessing, in one place. It is saved with the model, and a model is only used with its own."""

from dataclasses import asdict, dataclass, fields
from typing import Literal

TRACERS = ("fdg", "act")
"""18F-FDG and 11C-acetate."""

REPRESENTATIONS = ("full", "masked", "lesion")
"""The three channels of each modality (method.md, 2.5)."""


@dataclass(frozen=True, kw_only=True)
class PreprocessingSpec:
    """How a case becomes network input (method.md, section 2). [P] paper, [C] the authors' code, [D] our decision."""

    profile: Literal["liver", "paper"] = "liver"
    """`liver`: liver bounding box and a margin [D]. `paper`: the whole field of view [P]."""
    grid: tuple[int, int, int] = (32, 96, 96)
    """Network input, voxels (D, H, W). 64x224x224 in the paper [C]."""
    margin_mm: float = 20.0
    """Around the liver's bounding box, profile `liver` [D]."""
    feature_stride: int = 4
    """Network voxels per voxel of the map regions are pooled from; 8 with profile `paper` [D]."""
    hu_window: tuple[float, float] = (-160.0, 240.0)
    """HU, scaled to [0, 1] [C]."""
    zero: Literal["liver", "mean"] = "liver"
    """What counts as zero in network input. `liver`: the mean of the case's own parenchyma, in lesions too: a small
    difference of a lesion from the liver is learnt from the CT alone [D]. `mean`: `ct_mean`, or that of the PET, and
    lesions as they are on [0, 1] [P]."""
    ct_mean: float = 0.5
    """Of in-body voxels of the training cohort, after scaling to [0, 1]; without a say where the liver is zero [D]."""
    ct_std: float = 0.25
    """Likewise where the mean is zero. Where the liver is, the unit of CTs: 0.25 of the window's 400 HU [D]."""
    ct_liver_std: float = 0.0625
    """Unit of `masked` and `lesion` of CTs where the liver is zero: 25 HU. What differs in a liver does so by tens of
    HU, and in the unit of the whole CT some networks never start to learn it [D]."""
    pet_percentiles: tuple[float, float] = (1.0, 99.0)
    """PET is clipped to these percentiles of the network grid [P]."""
    liver_closing_iterations: int = 2
    """Binary closings of the liver mask [P]."""
    tumor_closing_iterations: int = 1
    """Of the tumour mask; two would join lesions two slices apart [D]."""
    min_lesion_ml: float = 0.05
    """Smaller components are dropped and counted [D]."""
    max_lesions: int = 32
    """The smallest beyond this are merged into the last [D]."""

    @classmethod
    def paper(cls, **changes) -> "PreprocessingSpec":
        return cls(**{"profile": "paper", "zero": "mean", "grid": (64, 224, 224), "feature_stride": 8, **changes})

    @property
    def feature_grid(self) -> tuple[int, int, int]:
        """(D, H, W) of the map that regions are pooled from."""
        return tuple(-(-n // self.feature_stride) for n in self.grid)

    def to_dict(self) -> dict:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict) -> "PreprocessingSpec":
        """Raises TypeError for an unknown or missing constant: a model must say how it was trained."""
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise TypeError(f"preprocessing constants differ: {sorted(set(values) ^ names)}")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
