"""An experiment: a cohort, its folds, the networks to train on them. A YAML file of this folder, or of yours."""

from dataclasses import dataclass, field
from pathlib import Path

from REACTKDLib.imaging.phantom import PhantomSettings
from REACTKDLib.imaging.spec import PreprocessingSpec

from ..dose.levels import LevelName
from ..dose.settings import ScannerSettings
from ..engine.settings import StudentSettings, TeacherSettings


@dataclass(frozen=True, kw_only=True)
class PhantomCohort:
    """Synthetic patients, made when the run starts; all of it [D]."""

    count: int = 150
    """Patients; grades are drawn evenly."""
    ungraded: int = 0
    """Further patients without a grade and without PET, as LiTS has them: they teach dose consistency only."""
    first_seed: int = 100_000
    """Of the first phantom; the others follow."""
    look: PhantomSettings = field(default_factory=PhantomSettings)
    """How they look, and how well the grade shows."""


@dataclass(frozen=True, kw_only=True)
class External:
    """Another hospital's patients: no network learns from them, and every network is tested on them (Table IV)."""

    cohort: Path | None = None
    """The manifest of its cases, all with a grade. No patient, case or CT of the experiment's own cohort."""
    phantoms: PhantomCohort | None = None
    """Instead of a manifest, from other seeds than the experiment's own."""
    dose_levels: tuple[LevelName, ...] = ("mild", "severe", "mixed")
    """Beside the native dose. mixed: half of the cases, drawn by name, at the native dose, the others at severe [P]."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything a run depends on. Kept, resolved, in the run's folder."""

    cohort: Path | None = None
    """The manifest of the cases with a grade (and of cases without, which teach dose consistency only)."""
    phantoms: PhantomCohort | None = None
    """Instead of a manifest."""
    external: External | None = None
    """A second cohort, to be tested on. It can be added to a run that is done: nothing is trained again."""
    preprocessing: PreprocessingSpec = field(default_factory=PreprocessingSpec)
    """With `zero: mean`, its ct_mean and ct_std are replaced by those of each fold's training cases."""
    dose_levels: tuple[LevelName, ...] = ("mild", "severe")
    """Beside the native dose: for the teacher's dose branch, and to be tested at [P]; which ones [D]."""
    scanner: ScannerSettings = field(default_factory=ScannerSettings)
    """Of the dose simulation."""
    folds: int = 3
    """Of the cross-validation, by patient and stratified by grade [P]."""
    only_folds: tuple[int, ...] | None = None
    """Folds that are trained, from 0; all if not given [D]."""
    split_seed: int = 0
    """Of folds and validation cases [D]."""
    validation_share: float = 0.2
    """Part of a fold's training patients that chooses the epoch and fits the temperature, so that the held-out fold
    only measures [D]. 0: the held-out fold does both, as in the paper, and its figures are optimistic."""
    seeds: tuple[int, ...] = (0,)
    """Of first weights, order and augmentation; every network is trained with each [D]."""
    teachers: dict[str, TeacherSettings] = field(default_factory=lambda: {"dual": TeacherSettings()})
    """By name."""
    students: dict[str, StudentSettings] = field(default_factory=lambda: {"react_kd": StudentSettings()})
    """By name."""
