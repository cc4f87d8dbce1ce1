"""What REACT-KD needs of Python, and where each package comes from in Slicer."""

from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

REQUIREMENTS_FILE = Path(__file__).with_name("requirements.txt")
CONSTRAINTS_FILE = Path(__file__).with_name("constraints.txt")
"""Only packages that REACT-KD installs itself: what these bring along (MarkupSafe, filelock) may be there already, for
others, and stays as it is."""

PYTHON = SpecifierSet(">=3.11,<3.14")
"""As `requires-python` of the project. Slicer 5.10 and 5.12 have 3.12, Slicer 5.8 has 3.9."""

BUNDLED = frozenset({"numpy", "simpleitk", "pillow", "packaging"})
"""In Slicer's own Python since 5.10; from SuperBuild/External_python-*.cmake of its branch 5.12."""

PYTORCH = "torch"

WITHOUT_DEPENDENCIES = frozenset({"monai"})
"""What they depend on is on the list itself, and pip would fetch another torch or numpy for them."""

MODULES = {"simpleitk": "SimpleITK", "pillow": "PIL"}
"""Import name of a package, where that is not its name."""

Source = Literal["slicer", "pytorch_extension", "pip"]


def read_requirements() -> tuple[Requirement, ...]:
    """Every package REACT-KD needs, with its range, in the order of the file."""
    return tuple(map(Requirement, _lines(REQUIREMENTS_FILE)))


def proven_versions() -> dict[str, str]:
    """Package name -> the version that the tests ran with."""
    return dict(line.split("==") for line in _lines(CONSTRAINTS_FILE))


def source_of(name: str) -> Source:
    """Who brings a package into Slicer."""
    if name in BUNDLED:
        return "slicer"
    return "pytorch_extension" if name == PYTORCH else "pip"


def module_of(name: str) -> str:
    """The name a package is imported by."""
    return MODULES.get(name, name)


def range_text(specifiers: SpecifierSet) -> str:
    """Lower bound first, as people write it: `>=2.0,<3`."""
    return ",".join(sorted(map(str, specifiers), reverse=True))


def _lines(path: Path) -> list[str]:
    lines = map(str.strip, path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
