"""How teacher and student are trained. [P] paper, [C] the authors' code, [D] our decision (method.md, section 6)."""

from dataclasses import dataclass, field
from typing import Any, Literal

from ..data.draws import AugmentationSettings, PerturbationSettings


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """AdamW along a cosine, with early stopping on the validation macro-AUC."""

    epochs: int = 50
    """150 for the teacher, 50 for the student [P]."""
    batch_size: int = 8
    """Cases of all processes together: 2 for the teacher, 8 for the student [P]."""
    accumulate: int = 1
    """Parts a batch is computed in, one after the other: less memory, nearly the same gradient, since the heads
    standardise each part by the cases up to it [D]."""
    learning_rate: float = 1e-4
    """The highest, after the warm-up [P]."""
    weight_decay: float = 1e-5
    """Of AdamW, by which weights shrink in each step, times the learning rate [P]."""
    warmup: float = 0.05
    """Share of all steps over which the learning rate rises, before it falls along a cosine to zero [D]."""
    clip_norm: float = 10.0
    """Gradients of a larger norm are scaled down to it [D]."""
    patience: int | None = None
    """Epochs without a better validation before training stops; never if not given [D]."""
    average: float | None = None
    """Decay of the exponential average of the weights, such as 0.99, which is then what is validated and kept [D]."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 on CUDA, fp32 on a CPU. bf16 is refused where oneDNN gets it wrong [D]."""
    balanced: bool = False
    """Whether every grade comes equally often in an epoch [D]."""
    loader_processes: int = 0
    """Processes that read and augment beside the training [D]."""


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """L_cls, and what else a labelled case teaches."""

    class_weights: tuple[float, float, float] = (1.5, 1.0, 2.0)
    """α of the focal loss, well to poor [P]."""
    focusing: float = 2.0
    """γ of the focal loss [C]."""
    attention_focus: float = 0.0
    """Weight of the loss that keeps the attention in the lesions [D]."""
    lesion_supervision: float = 0.0
    """Weight of a second focal loss, on what the lesions alone say to the head: they then speak for their grade [D]."""


@dataclass(frozen=True, kw_only=True)
class TeacherSettings:
    """Stage 1: the dual teacher."""

    branches: tuple[str, ...] = ("structure", "dose")
    """`structure` reads both tracers with the CT, `dose` the CT at a random dose; either can be left out [P]."""
    feature_size: int = 48
    """Channels of the SwinViT's patch embedding [P]."""
    width: int = 128
    """Channels of the map that student and teacher share [D]."""
    cbam: bool = True
    """Whether the fused map passes CBAM3D; off in an ablation only [P]."""
    unlabelled: float = 1.0
    """Weight of the dose consistency of cases without a grade [D]."""
    supervision: Supervision = field(default_factory=Supervision)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    optimisation: Optimisation = field(default_factory=lambda: Optimisation(epochs=150, batch_size=2))


@dataclass(frozen=True, kw_only=True)
class StudentSettings:
    """Stage 2: the student, by one of the methods."""

    method: str = "react_kd"
    """A file of training/methods."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of the method; its defaults for those not given."""
    method_weight: float = 1.0
    """All that the method adds to L_cls is multiplied by it: 1 leaves its weights as they are in its options [D]."""
    teacher: str | None = "dual"
    """Name of the teacher; none for a method without."""
    init_filters: int = 8
    """Channels of the first SegResNet stage [C]."""
    blocks_down: tuple[int, ...] = (1, 2, 2, 4)
    """Residual blocks of each stage [C]."""
    width: int = 128
    """Channels of the map that student and teacher share: the teacher's, where CBAM3D is shared [D]."""
    cbam: Literal["shared", "own", "none"] = "shared"
    """shared: the teacher's, frozen [D]. own: trained with the student."""
    attention_rate: float = 0.1
    """Learning rate of an own CBAM3D's spatial kernel, as a share of that of all else. A step moves its weights alike
    and a score by their sum: at 1 attention closed over the lesions, or everything, in one training of eight [D]."""
    tracers: tuple[str, ...] | None = None
    """That the student learns to read; those of the cohort if not given [D]."""
    modality_dropout: float = 0.3
    """Probability that a case loses its PET or its CT, never both [C]."""
    drop: Literal["either", "pet"] = "either"
    """What may be lost [P]."""
    absent: Literal["token", "zeros"] = "token"
    """What stands for a modality that a case lacks: a learned token [D], or as a control an image of zeros."""
    student_dose: Literal["native", "random"] = "native"
    """Dose of the CT that the student reads in training [D]."""
    lora_rank: int = 0
    """Above 0: only a change of this rank to the convolutions of `initial` is trained [C]."""
    initial: str | None = None
    """Model folder whose weights the student starts from."""
    perturbation: PerturbationSettings = field(default_factory=PerturbationSettings)
    supervision: Supervision = field(default_factory=Supervision)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
