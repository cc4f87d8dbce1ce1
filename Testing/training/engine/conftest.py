"""A cohort, and a teacher of it, made once."""

from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric

from Testing.training.engine.tiny import Kinds, teacher_settings, write_cases
from training.engine.cases import Cases
from training.engine.launch import launch
from training.engine.training import train_teacher


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    return launch("cpu")


@pytest.fixture(scope="session")
def cases(tmp_path_factory) -> Cases:
    """With two cases that have no grade, and some that have no PET."""
    return write_cases(tmp_path_factory.mktemp("cache"), Kinds(unlabelled=2))


@pytest.fixture(scope="session")
def teacher(cases, fabric, tmp_path_factory) -> Path:
    """The folder of a trained one; nobody writes there."""
    folder = tmp_path_factory.mktemp("teacher")
    train_teacher(fabric, cases, teacher_settings(), 0, folder, title="teacher", show=False)
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    """So that a sum is the same in every process, however busy the machine is."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
