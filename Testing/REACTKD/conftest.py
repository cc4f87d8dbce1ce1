"""What Slicer installs, from the lists in the CMake files; and cohorts for the headless batch."""

import re
import shutil
from pathlib import Path

import pytest

from Testing.models import write_random_model

MODULE_LISTS = ("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES")
LIBRARY_LISTS = ("REACTKDLib_SCRIPTS", "REACTKDLib_RESOURCES")


def cmake_list(path: Path, name: str) -> list[str]:
    """The items of `set(NAME ...)`."""
    text = path.read_text(encoding="utf-8").replace("${MODULE_NAME}", "REACTKD")
    return re.search(rf"set\({name}\s(.*?)\)", text, re.DOTALL)[1].split()


@pytest.fixture(scope="session")
def listed(project) -> dict[Path, list[str]]:
    """For each folder that Slicer's macro is called in, what it installs of it, as paths below it."""
    return {
        project / "REACTKD": [
            item for name in MODULE_LISTS for item in cmake_list(project / "REACTKD" / "CMakeLists.txt", name)
        ],
        project: [item for name in LIBRARY_LISTS for item in cmake_list(project / "REACTKDLib" / "Files.cmake", name)],
    }


@pytest.fixture(scope="session")
def installed(listed, tmp_path_factory) -> Path:
    """A folder as Slicer's qt-scripted-modules: each listed file under its path below its list's folder."""
    target = tmp_path_factory.mktemp("qt-scripted-modules")
    for folder, files in listed.items():
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / file, target / file)
    return target


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("models") / "student")
