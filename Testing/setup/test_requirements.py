import re
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from REACTKDLib.setup.requirements import (
    BUNDLED,
    PYTHON,
    PYTORCH,
    WITHOUT_DEPENDENCIES,
    proven_versions,
    range_text,
    read_requirements,
)

BUNDLED_BY_SLICER_5_10 = {"numpy": "2.0.2", "simpleitk": "2.5.2", "pillow": "11.2.1", "packaging": "25.0"}
BUNDLED_BY_SLICER_5_12 = {"numpy": "2.4.6", "simpleitk": "2.5.5", "pillow": "12.2.0", "packaging": "26.2"}
"""SuperBuild/External_python-*.cmake, and for 5.10 External_SimpleITK.cmake, of Slicer's branches."""


def needs_of(name: str) -> list[Requirement]:
    """What an installed package requires here, extras aside."""
    found = [Requirement(line) for line in requires(name) or ()]
    return [need for need in found if need.marker is None or need.marker.evaluate({"extra": ""})]


def everything_below(name: str) -> set[str]:
    """Names of all that comes along with a package."""
    names, open_ones = set(), [name]
    while open_ones:
        new = {str(canonicalize_name(need.name)) for need in needs_of(open_ones.pop())} - names
        names |= new
        open_ones += new
    return names


@pytest.fixture(scope="module")
def declared(project) -> dict:
    return tomllib.loads((project / "pyproject.toml").read_text())


def test_the_project_takes_its_dependencies_from_here(declared, project):
    assert "dependencies" in declared["project"]["dynamic"]
    assert declared["tool"]["setuptools"]["dynamic"]["dependencies"]["file"] == ["REACTKDLib/setup/requirements.txt"]
    assert "*.txt" in declared["tool"]["setuptools"]["package-data"]["REACTKDLib.setup"]


def test_the_range_of_python_is_the_projects(declared):
    assert SpecifierSet(declared["project"]["requires-python"]) == PYTHON


def test_the_proven_versions_are_those_of_the_project(project):
    lines = (project / "constraints.txt").read_text().splitlines()
    top_level = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    assert proven_versions().items() <= top_level.items()


def test_every_package_we_install_has_a_proven_version_in_its_range():
    ours = {need.name: need.specifier for need in read_requirements() if need.name not in BUNDLED}
    assert ours.keys() == proven_versions().keys()
    assert all(ours[name].contains(version) for name, version in proven_versions().items())


@pytest.mark.parametrize("bundled", [BUNDLED_BY_SLICER_5_10, BUNDLED_BY_SLICER_5_12])
def test_what_slicer_brings_is_within_the_ranges(bundled):
    ranges = {need.name: need.specifier for need in read_requirements()}
    assert bundled.keys() == BUNDLED
    assert all(ranges[name].contains(version) for name, version in bundled.items())


def test_our_ranges_are_no_wider_than_what_our_packages_ask_of_each_other():
    ours = {need.name: need.specifier for need in read_requirements()}
    for name in ours:
        for need in needs_of(name):
            if need.name in ours:
                lowest = re.search(r">=([\d.]+)", str(ours[need.name]))[1]
                assert need.specifier.contains(lowest), f"{name} needs {need}"


def test_pip_never_fetches_torch_or_a_package_of_slicer_for_another_package():
    for need in read_requirements():
        if need.name not in BUNDLED | WITHOUT_DEPENDENCIES:
            assert everything_below(need.name).isdisjoint(BUNDLED | {PYTORCH}), need.name


def test_what_comes_without_dependencies_misses_none():
    names = {need.name for need in read_requirements()}
    for name in WITHOUT_DEPENDENCIES:
        assert {need.name for need in needs_of(name)} <= names


def test_ranges_read_from_low_to_high():
    assert range_text(SpecifierSet("<3,>=2.0")) == ">=2.0,<3"
