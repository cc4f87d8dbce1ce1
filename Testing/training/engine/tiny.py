"""Trainings of seconds: a dozen cached cases of noise, and networks that just hold together."""

import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from REACTKDLib.imaging.spec import PreprocessingSpec
from Testing.training.data.made_cases import cached_case, label_map, region_weights
from training.data.batch import TrainingBatch, prepare
from training.data.cache import Cache
from training.data.dataset import CachedDataset
from training.data.draws import DrawSettings, ModalitySettings
from training.data.entry import CachedCase
from training.data.raw_batch import collate
from training.data.store import write_entry
from training.engine.cases import Cases
from training.engine.settings import Optimisation, StudentSettings, TeacherSettings

GRID = (8, 16, 16)
SPEC = PreprocessingSpec(grid=GRID, feature_stride=2, zero="mean", ct_mean=0.5, ct_std=0.3)
BOTH = ("fdg", "act")
FINGERPRINT = "made"
GRADED = 12
STUDENT_MODALITIES = ModalitySettings(dropout=0, tracers=BOTH)


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """What there is beside twelve graded cases, half of them to learn from and a quarter each to validate and to test.

    tracers: of the cases. without_pet: whether every third has none. unlabelled: number of cases without a grade.
    levels: the low doses.
    """

    tracers: tuple[str, ...] = BOTH
    without_pet: bool = True
    unlabelled: int = 0
    levels: tuple[str, ...] = ("mild",)


def write_cases(folder: Path, kinds: Kinds | None = None) -> Cases:
    """A cache in `folder`, and one fold of it."""
    kinds = kinds or Kinds()
    folder.mkdir(parents=True, exist_ok=True)
    graded = [f"case{index:02}" for index in range(GRADED)]
    ungraded = [f"ungraded{index}" for index in range(kinds.unlabelled)]
    for index, name in enumerate(graded + ungraded):
        tracers = () if kinds.without_pet and index % 3 == 1 else kinds.tracers
        write_entry(folder, name, made_case(index, tracers, kinds.levels), FINGERPRINT, ())
    return Cases(
        cache=Cache(folder, dict.fromkeys(graded + ungraded, FINGERPRINT)),
        spec=SPEC,
        grades={name: index // 2 % 3 for index, name in enumerate(graded)} | dict.fromkeys(ungraded),
        patients={name: f"patient of {name}" for name in graded + ungraded},
        tracers=kinds.tracers,
        levels=("native", *kinds.levels),
        training=tuple(graded[:6]),
        unlabelled=tuple(ungraded),
        validation=tuple(graded[6::2]),
        test=tuple(graded[7::2]),
    )


def made_case(seed: int, tracers: Sequence[str] = BOTH, levels: Sequence[str] = ("mild",)) -> CachedCase:
    """Noise, with one to three lesions."""
    labels = label_map(1 + seed % 3, GRID, seed)
    case = cached_case(labels, tracers, levels, seed)
    return replace(case, region_weights=region_weights(labels, SPEC.feature_stride).astype(np.float16))


def spoil(cases: Cases, name: str, modality: str = "ct") -> None:
    """Writes NaN into a case's image."""
    case = cases.cache.read(name)
    image = case.images[modality].copy()
    image[2:6, 4:12, 4:12] = np.nan
    spoilt = replace(case, images={**case.images, modality: image})
    write_entry(cases.cache.folder, name, spoilt, FINGERPRINT, ())


def batch_of(cases: Cases, names: Sequence[str], draws: DrawSettings | None = None) -> TrainingBatch:
    """As the first epoch of training makes it."""
    dataset = CachedDataset(cases.cache, names, cases.grades, draws or DrawSettings(modalities=STUDENT_MODALITIES))
    return prepare(collate([dataset[1, name] for name in names]), "cpu", cases.spec)


def teacher_settings(**changes) -> TeacherSettings:
    return TeacherSettings(feature_size=12, width=16, **{"optimisation": optimisation()} | changes)


def student_settings(**changes) -> StudentSettings:
    made = {"init_filters": 8, "blocks_down": (1, 1, 1), "width": 16, "optimisation": optimisation()}
    return StudentSettings(**made | changes)


def optimisation(**changes) -> Optimisation:
    return Optimisation(**{"epochs": 2, "batch_size": 2, "learning_rate": 1e-3} | changes)


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Writing more than `size` bytes into a file fails, as on a full disk."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
