"""What a network is made of. It is saved with the model; reading it needs no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal

from ..imaging.spec import TRACERS

if TYPE_CHECKING:
    from torch import nn

BRANCHES = {"structure": ("fdg", "act"), "dose": ("dose",)}
"""The teacher's branches and their streams (method.md, section 3)."""

SWIN_STAGES = 5
"""Maps of a SwinViT: the patch embedding, stride 2, and the output of each of its four stages."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Every choice that shapes a network (method.md, section 3). [P] paper, [C] the authors' code, [D] our decision.

    Raises ValueError where the choices do not fit together.
    """

    network: Literal["student", "teacher"]
    classes: int = 3
    """Tumour grades [P]."""
    width: int = 128
    """Channels C of every projected map: those of teacher and student meet here [D]."""
    stride: int = 4
    """Network voxels per voxel of the pooled map; 8 with profile `paper` [D]."""
    init_filters: int = 8
    """Student: channels of the first SegResNet stage [C]."""
    blocks_down: tuple[int, ...] = (1, 2, 2, 4)
    """Student: residual blocks of each stage [C]."""
    feature_size: int = 48
    """Teacher: channels of the SwinViT's patch embedding [P]."""
    grid: tuple[int, int, int] = (32, 96, 96)
    """Network input, voxels (D, H, W): the attention windows are chosen to divide its tokens [D]."""
    cbam: bool = True
    """Whether the fused map passes CBAM3D; off in an ablation only [P]."""
    branches: tuple[str, ...] = ("structure", "dose")
    """Teacher: the branches it has [P]."""
    tracers: tuple[str, ...] = ("fdg",)
    """Student: the PET tracers it reads and tells apart; none for CT alone [D]."""
    absent: Literal["token", "zeros"] = "token"
    """Student: what stands for a modality that a case lacks, a learned token [D], or as a control an image of zeros."""
    members: int = 1
    """Networks of this kind whose logits are averaged, one of each fold for instance [D]."""

    def __post_init__(self):
        if self.network not in ("student", "teacher"):
            raise ValueError(f"Architecture: network is 'student' or 'teacher', not {self.network!r}")
        if self.stride not in self.strides:
            raise ValueError(f"Architecture: a {self.network} has maps at strides {self.strides}, not {self.stride}")
        if not self.branches or set(self.branches) - set(BRANCHES):
            raise ValueError(f"Architecture: branches are among {tuple(BRANCHES)}, not {self.branches}")
        if set(self.tracers) - set(TRACERS) or len(set(self.tracers)) != len(self.tracers):
            raise ValueError(f"Architecture: tracers are among {TRACERS}, each once, not {self.tracers}")
        if self.absent not in ("token", "zeros"):
            raise ValueError(f"Architecture: absent is 'token' or 'zeros', not {self.absent!r}")
        if self.members < 1:
            raise ValueError(f"Architecture: an ensemble has members, not {self.members} of them")

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the maps the encoder offers, finest first."""
        if self.network == "student":
            return tuple(2**stage for stage in range(len(self.blocks_down)))
        return tuple(2 ** (stage + 1) for stage in range(SWIN_STAGES))

    @property
    def feature_grid(self) -> tuple[int, int, int]:
        """(D, H, W) of the pooled map."""
        return self.map_grid(self.stride)

    def map_grid(self, stride: int) -> tuple[int, int, int]:
        """(D, H, W) of the map at `stride`."""
        return tuple(-(-n // stride) for n in self.grid)

    def to_dict(self) -> dict:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping) -> "Architecture":
        """Raises TypeError for an unknown or missing choice: a model must say what it is."""
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise TypeError(f"architecture choices differ: {sorted(set(values) ^ names)}")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def build_network(architecture: Architecture | Mapping) -> "nn.Module":
    """A `Student`, `DualTeacher` or `Ensemble` of these with random weights.

    Also the `_target_` of the MONAI bundle, from `to_dict()`.
    """
    if not isinstance(architecture, Architecture):
        architecture = Architecture.from_dict(architecture)
    # Imported here so that a model's description can be read without loading torch, and a student without MONAI.
    if architecture.members > 1:
        from .ensemble import Ensemble as Network
    elif architecture.network == "student":
        from .student import Student as Network
    else:
        from .teacher import DualTeacher as Network
    return Network(architecture)
