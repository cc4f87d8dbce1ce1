import pytest
import torch

from REACTKDLib.networks.architecture import Architecture, build_network
from REACTKDLib.networks.student import Student
from REACTKDLib.networks.teacher import DualTeacher


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def small_student() -> Student:
    return build_network(
        Architecture(network="student", width=16, init_filters=4, blocks_down=(1, 1, 1), grid=(8, 16, 16))
    ).eval()


@pytest.fixture
def small_teacher() -> DualTeacher:
    return build_network(Architecture(network="teacher", width=16, feature_size=12, grid=(16, 32, 32))).eval()
