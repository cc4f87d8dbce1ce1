"""What is random about a case in training, and how much. [P] paper, [C] the authors' code, [D] our decision."""

from dataclasses import dataclass, field
from typing import Literal

from ..dose.levels import LevelName

NATIVE: LevelName = "native"


@dataclass(frozen=True, kw_only=True)
class AugmentationSettings:
    """Affine and elastic transforms [P], alike for all images and masks of a case.

    Lengths are fractions of the network's field, and rotations take the field for a cube: the edges of the box of
    profile `liver` differ by about a half, those of its voxels by a factor of two to four.
    Raises ValueError where a value cannot be.
    """

    moved: float = 0.5
    """Probability that a case is rotated, scaled, shifted and deformed. Of those only mirrored, which interpolates
    nothing, a network learns the noise of images as it will be given them: without them its scores shift [D]."""
    rotation_degrees: float = 10.0
    """About each axis, at most, either way [D]."""
    scale: float = 0.1
    """Larger or smaller by at most this share [D]."""
    translation: float = 0.05
    """Along each axis, at most, either way, of the field [D]."""
    elastic_amplitude: float = 0.01
    """Standard deviation of the elastic displacement along each axis, of the field. Up to a twentieth of the length
    it does not fold the image [D]."""
    elastic_length: float = 0.25
    """Between the control points of the displacement, of the field; rounded so that whole lengths fill it [D]."""
    mirror: float = 0.5
    """Probability of a mirror image along each axis [D]."""
    full_dropout: float = 0.0
    """Probability that the representation `full` is blanked in all of a case's images, so that what lies outside the
    liver is not relied on [D]."""

    def __post_init__(self):
        for name in ("moved", "mirror", "full_dropout"):
            _require_probability(name, getattr(self, name))
        for name in ("rotation_degrees", "scale", "translation", "elastic_amplitude"):
            if getattr(self, name) < 0:
                raise ValueError(f"AugmentationSettings: {name} is not below 0, as {getattr(self, name)} is")
        if not 0 < self.elastic_length <= 1:
            raise ValueError(f"AugmentationSettings: elastic_length is above 0, at most 1, not {self.elastic_length}")

    @classmethod
    def none(cls) -> "AugmentationSettings":
        """Every case as it is."""
        return cls(moved=0, rotation_degrees=0, scale=0, translation=0, elastic_amplitude=0, mirror=0, full_dropout=0)


@dataclass(frozen=True, kw_only=True)
class ModalitySettings:
    """What a student may read of what a case has. Raises ValueError where a value cannot be."""

    dropout: float = 0.3
    """Probability that a case with CT and PET loses one of them [C]."""
    drop: Literal["either", "pet"] = "either"
    """Which: one or the other with equal chance [P], or always the PET. Never both."""
    tracers: tuple[str, ...] = ("fdg",)
    """That the student can read, as `Architecture.tracers`; of several that a case has, one is drawn."""

    def __post_init__(self):
        _require_probability("dropout", self.dropout)
        if self.drop not in ("either", "pet"):
            raise ValueError(f"ModalitySettings: drop is 'either' or 'pet', not {self.drop!r}")


@dataclass(frozen=True, kw_only=True)
class PerturbationSettings:
    """How the regions that the student pools differ from the teacher's. Raises ValueError where a value cannot be."""

    lesion_dropout: float = 0.2
    """Probability that a lesion is missed; never all of a case [D]."""
    mask_jitter: bool = True
    """Whether a lesion is dilated or eroded by one network voxel, or left, each with a third of the chance [D]."""

    def __post_init__(self):
        _require_probability("lesion_dropout", self.lesion_dropout)

    @classmethod
    def none(cls) -> "PerturbationSettings":
        """The student pools the teacher's regions."""
        return cls(lesion_dropout=0, mask_jitter=False)


@dataclass(frozen=True, kw_only=True)
class DrawSettings:
    """All that is random about a case in training.

    The teacher's `dose` image is the CT at a dose drawn among those of the cache and its own (method.md, section 3).
    """

    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    modalities: ModalitySettings = field(default_factory=ModalitySettings)
    perturbation: PerturbationSettings = field(default_factory=PerturbationSettings)
    student_dose: Literal["native", "random"] = "native"
    """`random`: the student reads the CT at the drawn dose too, while the teacher's `ct` stays native, so that the
    student learns from a low dose what the teacher sees in the original [D]."""

    def __post_init__(self):
        if self.student_dose not in ("native", "random"):
            raise ValueError(f"DrawSettings: student_dose is 'native' or 'random', not {self.student_dose!r}")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What networks are given when they are measured: nothing is random.

    inputs: modalities that may be read, where a case has them. A teacher reads all of them, a student at most one
    tracer, the first of `inputs` that the case has. level: the dose of every CT, the teacher's and the student's.
    """

    inputs: tuple[str, ...] = ("ct", "fdg")
    level: LevelName = NATIVE


def _require_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is a probability, from 0 to 1, not {value}")
