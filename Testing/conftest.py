"""What tests of several layers share."""

import os
from pathlib import Path

import pytest
import SimpleITK as sitk
from hypothesis import settings

import REACTKDLib
from REACTKDLib.imaging.phantom import PhantomSettings, make_phantom, write_phantom

# The same inputs in every run: what fails, fails again.
settings.register_profile("seeded", derandomize=True)
settings.load_profile("seeded")

PROJECT = Path(REACTKDLib.__file__).parents[1]
DATA = Path(os.environ.get("REACTKD_TEST_DATA", PROJECT.parent / "shared" / "data"))


SAMPLES = ("hcc007", "hcc_tace_seg", "sts001_petct", "totalsegmentator_ct")


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of public sample data. Tests that need it are skipped where it is not."""
    if missing := [name for name in SAMPLES if not (DATA / name).is_dir()]:
        pytest.skip(f"no {', '.join(missing)} in {DATA}; set REACTKD_TEST_DATA")
    return DATA


@pytest.fixture(scope="session")
def hcc007(data: Path) -> Path:
    return data / "hcc007"


@pytest.fixture(scope="session")
def phantom(tmp_path_factory) -> Path:
    """Folder of a synthetic case with two lesions."""
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(make_phantom(5, lesions=2, settings=PhantomSettings.coarse()), folder)
    return folder


def pytest_configure() -> None:
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
