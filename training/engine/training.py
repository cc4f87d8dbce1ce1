"""One network, from first weights to results."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn

from REACTKDLib.imaging.reading import checksum
from REACTKDLib.inference.model_folder import load_model
from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.cpu import tune_allocator

from ..data.draw_settings import DrawSettings, Evaluation, ModalitySettings
from ..evaluation.calibration import validation_temperature
from ..evaluation.predictions import join, read_predictions
from ..evaluation.run_folder import PREDICTIONS
from ..lora import merge_lora
from ..methods import method_class
from ..normalised_head import fold_heads
from .architectures import student_architecture, teacher_architecture
from .cases import Cases
from .differences import differences
from .errors import TrainingError
from .external import predict_external
from .launch import uses_bf16
from .loop import State, fit
from .measuring import evaluations, predict_all, tracers_read, validate
from .results import WEIGHTS, Trained, read_result, write_result
from .settings import StudentSettings, TeacherSettings
from .software import software
from .stage import Stage
from .student import StudentStage
from .teacher import TeacherStage


def train_teacher(
    fabric: Fabric, cases: Cases, settings: TeacherSettings, seed: int, folder: Path, *, title: str, show: bool = True
) -> None:
    """Stage 1: trains or resumes a teacher in `folder`. Raises TrainingError."""
    architecture = teacher_architecture(settings, cases.spec)
    bf16 = uses_bf16(settings.optimisation, architecture, fabric.device)
    with _seeded(seed):
        stage = TeacherStage(build_network(architecture), settings, bf16)
    names = cases.training + (cases.unlabelled if "dose" in settings.branches else ())
    draws = DrawSettings(augmentation=settings.augmentation)
    job = _Training(fabric, cases, settings, seed, folder, title, show)
    job.run(stage, names, draws, chosen_by=evaluations("teacher", tracers_read(architecture, cases.tracers), ()))


def train_student(
    fabric: Fabric,
    cases: Cases,
    settings: StudentSettings,
    teacher: Path | None,
    seed: int,
    folder: Path,
    *,
    title: str,
    show: bool = True,
) -> None:
    """Stage 2: trains or resumes a student in `folder`. teacher: folder of a trained one. Raises TrainingError."""
    architecture = student_architecture(settings, cases.spec, cases.tracers)
    taught_by = read_result(teacher).network if teacher else None
    if taught_by:
        taught_by.to(fabric.device)
    method = method_class(settings.method)
    bf16 = uses_bf16(settings.optimisation, architecture, fabric.device)
    with _seeded(seed):
        network = _first_student(architecture, settings)
        terms = method(architecture, taught_by and taught_by.architecture, method.Options(**settings.options))
        stage = StudentStage(network, terms, taught_by, settings, bf16, teacher_temperature(teacher) if teacher else 1)
    draws = DrawSettings(
        augmentation=settings.augmentation,
        modalities=ModalitySettings(
            dropout=settings.modality_dropout, drop=settings.drop, tracers=architecture.tracers
        ),
        perturbation=settings.perturbation,
        student_dose=settings.student_dose,
    )
    # What the student is never trained without, it is not chosen by.
    chosen_by = [
        evaluation
        for evaluation in evaluations("student", architecture.tracers, ())
        if "ct" in evaluation.inputs and (settings.modality_dropout or len(evaluation.inputs) > 1)
    ]
    job = _Training(fabric, cases, settings, seed, folder, title, show)
    taught = {"teacher": checksum(teacher / WEIGHTS)} if teacher else {}
    job.run(stage, cases.training, draws, chosen_by or evaluations("student", (), ()), **taught)


def teacher_temperature(folder: Path) -> float:
    """By a trained teacher's validation cases, as an exported model has it. Raises EvaluationError."""
    return validation_temperature([read_predictions(folder / PREDICTIONS)])


@dataclass(frozen=True)
class _Training:
    """What both stages have in common."""

    fabric: Fabric
    cases: Cases
    settings: TeacherSettings | StudentSettings
    seed: int
    folder: Path
    title: str
    show: bool

    def run(
        self, stage: Stage, names: Sequence[str], draws: DrawSettings, chosen_by: Sequence[Evaluation], **identity: str
    ) -> None:
        """Trains on the cases `names`; the validation cases choose the epoch, with the inputs of `chosen_by`."""
        tune_allocator()
        self.folder.mkdir(parents=True, exist_ok=True)
        network, cases, device = stage.network, self.cases, self.fabric.device
        # Oriented as oneDNN and cuDNN compute, convolutions train in two thirds of the time.
        network.to(memory_format=torch.channels_last_3d)
        state = fit(
            self.fabric,
            stage,
            cases.steps(self.fabric, names, draws, self.settings.optimisation, self.seed),
            lambda judged: validate(judged, cases, chosen_by, device),
            self.settings.optimisation,
            self.folder,
            self._identity(network.architecture, names) | identity,
            title=self.title,
            show=self.show,
        )
        if getattr(self.settings, "lora_rank", 0):
            merge_lora(network)
        fold_heads(network)
        network.eval()
        if self.fabric.global_rank == 0:
            architecture = network.architecture
            read = tracers_read(architecture, cases.tracers)
            predictions = predict_all(network, cases, evaluations(architecture.network, read, cases.levels), device)
            if cases.external:
                predictions = join([predictions, predict_external(network, cases, device)])
            write_result(self.folder, Trained(network, cases.spec, self._facts(state, names)), predictions)
        self.fabric.barrier()

    def _identity(self, architecture: Architecture, names: Sequence[str]) -> dict[str, Any]:
        return {
            "settings": asdict(self.settings),
            "architecture": architecture.to_dict(),
            "preprocessing": self.cases.spec.to_dict(),
            "seed": self.seed,
            "training": sorted(names),
            "validation": sorted(self.cases.validation),
            "processes": self.fabric.world_size,
        }

    def _facts(self, state: State, names: Sequence[str]) -> dict[str, Any]:
        return {
            "settings": asdict(self.settings),
            "seed": self.seed,
            "epochs": state.epoch,
            "best_epoch": state.best_epoch,
            "validation_macro_auc": state.best[0],
            "training_cases": len(names),
            "software": software(),
        }


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """All weights drawn within are those of the seed, whatever was drawn before."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _first_student(architecture: Architecture, settings: StudentSettings) -> nn.Module:
    """With random weights, or those of the model folder it starts from. Raises TrainingError, ModelError."""
    if settings.initial is None:
        if settings.lora_rank:
            raise TrainingError(
                "lora_without_initial",
                "LoRA changes a trained student, and none is given.",
                "Name a model folder in `initial`, or set lora_rank to 0.",
            )
        return build_network(architecture)
    network = load_model(settings.initial).network.requires_grad_(True)
    if network.architecture != architecture:
        raise TrainingError(
            "other_architecture",
            f"The model {settings.initial} is not the student that is to be trained:\n"
            + "\n".join(differences(network.architecture.to_dict(), architecture.to_dict(), "the model")),
            "Give the student these choices, or start from another model.",
        )
    return network
