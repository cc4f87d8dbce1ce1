import ast
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from REACTKDLib.setup.requirements import read_requirements

LAYERS = ("imaging", "networks", "inference", "scene", "cli", "panel")
"""Each may import those before it; `panel` and `cli` are doors side by side."""
DOORS = {"cli", "panel"}
OF_SLICER = {"qt", "ctk", "SampleData", "PyTorchUtils"}
"""Modules that exist inside the application only."""
ONLY_IN = {
    "torch": {"networks", "inference"},
    "monai": {"networks"},
    "safetensors": {"inference"},
    "slicer": {"scene", "panel"},
    "vtk": {"scene"},
    "qt": {"panel"},
    "ctk": {"panel"},
}


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imports(path: Path, package: Path) -> set[str]:
    """Absolute names of all that a module imports, wherever in it."""
    names = set()
    here = (package.name, *path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else ()
            stem = ".".join((*base, *([node.module] if node.module else [])))
            names |= {f"{stem}.{alias.name}" for alias in node.names} | {stem}
    return names


def layer_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "REACTKDLib" and parts[1] in LAYERS else None


@pytest.fixture(scope="module")
def library(project) -> Path:
    return project / "REACTKDLib"


def test_imports_point_down_the_layers_only(library):
    wrong = []
    for path in modules(library):
        layer = path.relative_to(library).parts[0]
        if layer not in LAYERS:
            continue
        allowed = set(LAYERS[: LAYERS.index(layer) + 1]) - (DOORS - {layer})
        wrong += [f"{path.name}: {name}" for name in imports(path, library) if (layer_of(name) or layer) not in allowed]
    assert wrong == []


def test_setup_stands_beside_the_layers_on_nothing_but_the_errors(library):
    allowed = ("REACTKDLib.setup.", "REACTKDLib.imaging.errors")
    wrong = [
        f"{path.name}: {name}"
        for path in modules(library / "setup")
        for name in imports(path, library)
        if f"{name}.".startswith("REACTKDLib.") and not f"{name}.".startswith(allowed)
    ]
    assert wrong == []


def test_only_the_doors_ask_setup(library):
    folders = [folder for folder in library.iterdir() if folder.is_dir() and folder.name not in {"setup", *DOORS}]
    wrong = [
        f"{path.name}: {name}"
        for folder in [*folders, library.parent / "training"]
        for path in modules(folder)
        for name in imports(path, folder.parent if folder.parent == library else folder)
        if f"{name}.".startswith("REACTKDLib.setup.")
    ]
    assert wrong == []


def test_heavy_and_application_packages_stay_in_their_layers(library):
    wrong = []
    for path in modules(library):
        layer = path.relative_to(library).parts[0]
        wrong += [
            f"{layer}/{path.name}: {name}"
            for name in imports(path, library)
            if layer not in ONLY_IN.get(name.split(".")[0], {layer})
        ]
    assert wrong == []


def test_training_stands_on_the_engine_and_not_on_scene_or_doors(project):
    folder = project / "training"
    wrong = [
        f"{path.name}: {name}"
        for path in modules(folder)
        for name in imports(path, folder)
        if layer_of(name) in {"scene", *DOORS} or name.split(".")[0] in {"slicer", "vtk", "qt", "ctk"}
    ]
    assert wrong == []


def test_nothing_in_the_library_imports_training_or_tests(library):
    wrong = [
        f"{path.name}: {name}"
        for path in modules(library)
        for name in imports(path, library)
        if name.split(".")[0] in {"training", "Testing"}
    ]
    assert wrong == []


def test_every_package_that_is_imported_is_declared(project):
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    extras = [Requirement(line) for lines in declared["optional-dependencies"].values() for line in lines]
    names = {requirement.name.lower() for requirement in (*read_requirements(), *extras)}
    distribution = {"PIL": "pillow", "SimpleITK": "simpleitk", "sklearn": "scikit-learn", "slicer": "slicer-core",
                    "vtk": "slicer-core", "yaml": "pyyaml", "ot": "pot", "vtkmodules": "slicer-core",
                    "idc_index": "idc-index", "astra": "astra-toolbox"}  # fmt: skip
    import sys

    for folder in (project / "REACTKDLib", project / "training"):
        for path in modules(folder):
            for name in imports(path, folder):
                top = name.split(".")[0]
                if top in sys.stdlib_module_names or top in {"REACTKDLib", "training", *OF_SLICER}:
                    continue
                assert distribution.get(top, top).lower() in names, f"{path}: {top}"
