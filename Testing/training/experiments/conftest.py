"""A small experiment whose folder is prepared once."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from REACTKDLib.imaging.phantom import PhantomSettings
from REACTKDLib.imaging.spec import PreprocessingSpec
from training.cohorts.manifest import CohortCase, read_manifest
from training.dose.settings import ScannerSettings
from training.engine.settings import StudentSettings, TeacherSettings
from training.experiments.config import Experiment, PhantomCohort
from training.experiments.preparation import prepare


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """Two teachers and three students, one without a teacher, in two folds of three."""
    return Experiment(
        phantoms=PhantomCohort(count=9, look=PhantomSettings.coarse()),
        preprocessing=PreprocessingSpec(grid=(8, 12, 12), feature_stride=2),
        dose_levels=(),
        scanner=ScannerSettings(views=90),
        only_folds=(0, 2),
        teachers={
            "dual": TeacherSettings(feature_size=12, width=16),
            "ct": TeacherSettings(feature_size=12, width=16, branches=("dose",)),
        },
        students={
            "react_kd": StudentSettings(width=16, blocks_down=(1, 1)),
            "of_ct": StudentSettings(method="kd", teacher="ct", width=16, blocks_down=(1, 1)),
            "alone": StudentSettings(method="alone", teacher=None, width=16, blocks_down=(1, 1)),
        },
    )


@pytest.fixture(scope="session")
def prepared_run(experiment, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "prepared"
    prepare(experiment, run)
    return run


@pytest.fixture
def run(prepared_run, tmp_path) -> Path:
    """A prepared run without a trained network."""
    return Path(shutil.copytree(prepared_run, tmp_path / "run"))


@pytest.fixture
def damaged(prepared_run, tmp_path) -> CohortCase:
    """A case that cannot be preprocessed."""
    case = read_manifest(prepared_run / "cohort.csv").cases[0]
    ct = tmp_path / "damaged.nii.gz"
    ct.write_text("no image")
    return replace(case, patient="damaged", group="damaged", files=replace(case.files, ct=ct, name="damaged"))


@pytest.fixture
def content() -> Callable[[Path], dict[str, bytes]]:
    """All files of a folder and what they hold."""

    def content(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return content
