"""A run whose networks are drawn at random instead of trained, and one fold of cases that are noise."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from REACTKDLib.imaging.phantom import PhantomSettings
from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.networks.architecture import Architecture, build_network
from Testing.training.engine.tiny import student_settings, write_cases
from training.data.draw_settings import Evaluation
from training.engine.architectures import student_architecture, teacher_architecture
from training.engine.cases import Cases
from training.engine.jobs import Job
from training.engine.measuring import evaluations, predict_all, tracers_read
from training.engine.results import Trained, write_result
from training.engine.settings import StudentSettings, TeacherSettings
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.preparation import prepare
from training.experiments.training_job import cases_of
from training.report.networks import HeldOut


@pytest.fixture(scope="session")
def small_run(tmp_path_factory) -> Path:
    """Nine phantoms in three folds. Of the student all folds are done, of the teachers the first, of another none."""
    experiment = Experiment(
        phantoms=PhantomCohort(count=9, look=PhantomSettings.coarse()),
        preprocessing=PreprocessingSpec(grid=(8, 12, 12), feature_stride=2, zero="mean"),
        dose_levels=(),
        teachers={
            "dual": TeacherSettings(feature_size=12, width=16),
            "ct": TeacherSettings(feature_size=12, width=16, branches=("dose",)),
        },
        students={
            "react_kd": StudentSettings(width=16, blocks_down=(1, 1)),
            "alone": StudentSettings(method="alone", teacher=None, width=16, blocks_down=(1, 1)),
        },
    )
    run = tmp_path_factory.mktemp("runs") / "small"
    prepare(experiment, run)
    for fold in range(3):
        cases = cases_of(experiment, run, fold)
        student = student_architecture(experiment.students["react_kd"], cases.spec, cases.tracers)
        _write(run, Job("student", "react_kd", fold, 0), student, cases)
        if fold == 0:
            for name, settings in experiment.teachers.items():
                _write(run, Job("teacher", name, fold, 0), teacher_architecture(settings, cases.spec), cases)
    return run


@pytest.fixture(scope="session")
def noise(tmp_path_factory) -> HeldOut:
    """A student of random weights and twelve held-out cases, four of each grade, with one to three lesions each."""
    cases = write_cases(tmp_path_factory.mktemp("cache"))
    torch.manual_seed(0)
    network = build_network(student_architecture(student_settings(), cases.spec, ("fdg",))).eval()
    held_out = replace(cases, test=cases.training + cases.validation + cases.test, training=(), validation=())
    return HeldOut(Job("student", "noise", 0, 0), network, held_out, {}, Evaluation(inputs=("ct", "fdg")))


def _write(run: Path, job: Job, architecture: Architecture, cases: Cases) -> None:
    torch.manual_seed(job.fold)
    network = build_network(architecture).eval()
    measured = evaluations(job.kind, tracers_read(architecture, cases.tracers), ())
    (run / job.folder).mkdir(parents=True)
    predictions = predict_all(network, cases, measured, torch.device("cpu"))
    write_result(run / job.folder, Trained(network, cases.spec, {"seed": 0}), predictions)
