"""What Slicer installs is what the module needs, and works from where it is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from REACTKDLib.setup.requirements import read_requirements

HEAVY = ("torch", "monai", "einops", "safetensors", "jinja2", "psutil", "tqdm")
NOT_INSTALLED = {"CMakeLists.txt", "Files.cmake"}
PROBE = """
import importlib, importlib.abc, json, pkgutil, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {heavy}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Refuse())
import REACTKDLib
names = ["REACTKDLib.inference.prediction", "REACTKDLib.inference.model_card", "REACTKDLib.inference.demo_model"]
for package in ("imaging", "scene", "setup"):
    module = importlib.import_module("REACTKDLib." + package)
    names += [found.name for found in pkgutil.walk_packages(module.__path__, module.__name__ + ".")]
for name in names:
    if not name.endswith("import_test"):
        importlib.import_module(name)
print(json.dumps({{"file": REACTKDLib.__file__, "names": names, "model": str(
    sys.modules["REACTKDLib.inference.demo_model"].demo_model())}}))
"""


def files_of(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.as_posix() for path in found if path.name not in NOT_INSTALLED}


def python(installed: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    """A Python that sees the installed folder and other packages, but not the repository: -S leaves out .pth files."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(installed), sysconfig.get_path("purelib")))}
    return subprocess.run(
        [sys.executable, "-S", "-P", *arguments],
        cwd=installed, env=environment, capture_output=True, text=True, check=False, timeout=300, **options,
    )  # fmt: skip


def test_everything_that_slicer_needs_is_listed_and_everything_listed_exists(project, listed):
    wanted = {project / "REACTKD", project / "REACTKDLib", project / "Resources" / "Models"}
    tree = set().union(*(files_of(folder) for folder in wanted))
    named = {(folder / file).as_posix() for folder, files in listed.items() for file in files}
    assert sorted(tree - named) == [], "not listed"
    assert sorted(named - tree) == [], "listed, but not there"


def test_no_two_files_are_installed_in_one_place(listed):
    places = [file for files in listed.values() for file in files]
    assert sorted(places) == sorted(set(places))


def test_no_file_leaves_its_folder_on_the_way(listed):
    """The macro keeps a path below its folder; with `..` or an absolute one, the file lands where nobody looks."""
    assert [file for files in listed.values() for file in files if ".." in file or Path(file).is_absolute()] == []


def test_only_the_module_itself_lies_where_slicer_looks_for_modules(listed):
    assert [file for files in listed.values() for file in files if "/" not in file] == ["REACTKD.py"]


def test_what_slicer_loads_at_startup_imports_without_the_heavy_packages(installed):
    done = python(installed, "-c", PROBE.format(heavy=set(HEAVY)))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["file"]).is_relative_to(installed)
    assert {"REACTKDLib.imaging.case", "REACTKDLib.scene.overlay", "REACTKDLib.setup.environment"} <= {*found["names"]}


def test_the_demo_model_is_found_beside_the_installed_library(installed):
    done = python(installed, "-c", "from REACTKDLib.inference.demo_model import demo_model; print(demo_model())")
    assert Path(done.stdout.strip()) == installed / "Resources" / "Models" / "demo"


def test_the_worker_gets_ready_with_the_installed_demo_model(installed):
    model = str(installed / "Resources" / "Models" / "demo")
    arguments = ("-m", "REACTKDLib.inference.worker", "--model", model, "--device", "cpu")
    done = python(installed, *arguments, input='{"command": "shutdown"}\n')
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "ready", done.stderr
    assert events[-1]["model"]["phantoms"] is True


def test_the_packages_refused_here_are_all_that_slicer_does_not_bring():
    from REACTKDLib.setup.requirements import source_of

    names = {requirement.name for requirement in read_requirements() if source_of(requirement.name) != "slicer"}
    assert names == set(HEAVY)


def test_the_catalogue_entry_and_the_extension_name_one_address(project):
    """So that one replacement suffices when the repository is published."""
    entry = json.loads((project / "Resources" / "REACTKD.json").read_text())
    assert {"$schema", "category", "scm_url"} <= entry.keys()
    text = (project / "CMakeLists.txt").read_text()
    urls = re.findall(r"set\(EXTENSION_(?:ICON|SCREENSHOT)URLS? \"(.+?)\"\)", text)
    base = entry["scm_url"].removesuffix(".git")
    assert len(urls) == 2
    for url in urls:
        assert url.startswith(base + "/")
        assert (project / url.removeprefix(base + "/")).is_file()
    assert entry["build_dependencies"] == re.search(r'set\(EXTENSION_DEPENDS "(.+?)"\)', text)[1].split()


@pytest.mark.parametrize("place", ["Resources/REACTKD.png", "REACTKD/Resources/Icons/REACTKD.png"])
def test_icons_are_square_with_a_transparent_ground(project, place):
    from PIL import Image

    with Image.open(project / place) as icon:
        assert icon.format == "PNG"
        assert icon.size == (128, 128)
        assert icon.convert("RGBA").getpixel((0, 0))[3] == 0


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("c++")), reason="needs cmake and a compiler")
def test_cmake_installs_what_the_lists_say_and_registers_the_tests(project, installed, tmp_path):
    """With stand-ins for Slicer's macros, which only copy and record."""
    slicer = Path(__file__).parent / "slicer_cmake"
    commands = (
        ["cmake", "-S", project, "-B", tmp_path / "build", f"-DSlicer_DIR={slicer}", "-DBUILD_TESTING=ON"],
        ["cmake", "--install", tmp_path / "build", "--prefix", tmp_path / "target"],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    target = tmp_path / "target"
    assert {p.removeprefix(f"{target}/") for p in files_of(target)} == {
        p.removeprefix(f"{installed}/") for p in files_of(installed)
    }
    command = ["ctest", "--test-dir", tmp_path / "build", "--show-only=json-v1"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["tests"]
    assert {test["name"]: skip_code(test) for test in listed} == {"py_REACTKDSelfTest": 77, "py_REACTKDBatchTest": 77}


def skip_code(test: dict) -> int | None:
    """With which exit status a test has not run. Builders of extensions have no torch: ours would fail on all."""
    return next((item["value"] for item in test["properties"] if item["name"] == "SKIP_RETURN_CODE"), None)
