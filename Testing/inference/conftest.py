"""A small model, and a phantom in files."""

from pathlib import Path

import pytest

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom, write_phantom
from REACTKDLib.inference.case_files import CaseFiles
from REACTKDLib.inference.predictor import Predictor
from Testing.models import TEACHER, write_random_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("models") / "student")


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("models") / "teacher", TEACHER)


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(make_phantom(3, lesions=3, settings=PhantomSettings.coarse()), folder)
    return folder


@pytest.fixture(scope="session")
def files(phantom_folder) -> CaseFiles:
    return CaseFiles(
        ct=phantom_folder / "ct.nii.gz",
        segmentation=phantom_folder / "segmentation.seg.nrrd",
        pet_fdg=phantom_folder / "pet_fdg.nii.gz",
        name="phantom",
    )


@pytest.fixture(scope="session")
def case(files) -> Case:
    return files.read()


@pytest.fixture(scope="session")
def predictor(model_folder) -> Predictor:
    return Predictor.load(model_folder, "cpu")
