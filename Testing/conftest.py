"""What tests of several layers share."""

import os
from pathlib import Path

import pytest
import SimpleITK as sitk

import REACTKDLib

PROJECT = Path(REACTKDLib.__file__).parents[1]
DATA = Path(os.environ.get("REACTKD_TEST_DATA", PROJECT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of public sample data. Tests that need it are skipped where it is not."""
    if not DATA.is_dir():
        pytest.skip(f"no sample data in {DATA}; set REACTKD_TEST_DATA")
    return DATA


@pytest.fixture(scope="session")
def hcc007(data: Path) -> Path:
    return data / "hcc007"


def pytest_configure() -> None:
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
