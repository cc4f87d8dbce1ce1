import os
import subprocess
import sys
import time
from pathlib import Path

import packaging
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from REACTKDLib.setup.environment import _state, inspect_environment
from REACTKDLib.setup.requirements import PYTORCH, proven_versions

BUDGET_S = 0.1
releases = st.tuples(st.integers(0, 4), st.integers(0, 12), st.integers(0, 12))


def states(environment) -> dict[str, str]:
    return {status.name: status.state for status in environment.requirements}


def dotted(release) -> str:
    return ".".join(map(str, release))


def test_a_complete_python_is_ready(complete):
    environment = complete.inspect()
    assert environment.ready
    assert (environment.missing, environment.obstacles, environment.total_mb) == ((), (), 0)


def test_a_fresh_slicer_lacks_exactly_what_it_does_not_bring(slicer):
    environment = slicer.inspect()
    assert {status.name for status in environment.missing} == proven_versions().keys()
    assert not environment.ready
    assert not environment.obstacles


@given(bounds=st.lists(releases, min_size=2, max_size=2, unique=True), release=releases)
def test_a_version_is_judged_by_the_order_of_its_numbers(bounds, release):
    low, high = sorted(bounds)
    state = _state(Requirement(f"package>={dotted(low)},<{dotted(high)}"), dotted(release))
    assert state == ("too_old" if release < low else "too_new" if release >= high else "ok")


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("2.7.1", "too_old"),
        ("3.0.0", "too_new"),
        ("2.13.0+cu130", "ok"),
        ("2.14.0a0+git1f3c", "ok"),
        ("local", "missing"),
    ],
)
def test_builds_of_torch_are_told_apart_by_their_version_alone(slicer, version, state):
    slicer.add("torch", version)
    assert states(slicer.inspect())["torch"] == state


def test_a_package_of_slicer_out_of_range_is_an_obstacle_and_never_to_be_installed(slicer):
    slicer.remove("numpy")
    slicer.add("numpy", "1.26.4")
    environment = slicer.inspect()
    assert states(environment)["numpy"] == "bundled_conflict"
    assert "numpy" not in {status.name for status in environment.missing}
    assert "numpy comes with Slicer and is 1.26.4" in environment.obstacles[0]
    assert not environment.ready


def test_metadata_without_its_module_is_no_installation(complete):
    (complete.folder / "monai.py").unlink()
    status = next(status for status in complete.inspect().missing)
    assert (status.name, status.state, status.installed) == ("monai", "missing", proven_versions()["monai"])


def test_metadata_that_lost_its_version_is_no_installation(complete):
    (complete.folder / f"einops-{proven_versions()['einops']}.dist-info" / "METADATA").unlink()
    assert states(complete.inspect())["einops"] == "missing"


def test_a_python_of_slicer_5_8_is_refused_with_its_version(complete):
    environment = complete.inspect(python="3.9.10")
    assert not environment.ready
    assert "3.9.10" in environment.obstacles[0]


def test_too_little_room_is_told_with_what_is_needed(slicer):
    environment = slicer.inspect(free_mb=500)
    size = environment.total_mb + sum(status.size.installed_mb for status in environment.missing)
    assert size > 500
    assert any("500 MB are free" in obstacle for obstacle in environment.obstacles)


def test_a_folder_that_does_not_exist_or_is_a_file_is_not_writable(tmp_path):
    (tmp_path / "file").touch()
    assert not inspect_environment(tmp_path / "none").writable
    assert not inspect_environment(tmp_path / "file").writable
    assert inspect_environment(tmp_path).writable
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_complete_python_needs_neither_room_nor_permission(complete):
    assert complete.inspect(free_mb=0, writable=False).obstacles == ()


def test_torch_with_cuda_is_counted_at_its_size(slicer):
    with_cuda = inspect_environment(slicer.folder, path=slicer.path, cuda=True)
    assert with_cuda.total_mb > 5 * slicer.inspect().total_mb


def test_what_pip_did_in_another_process_is_seen_at_once(slicer):
    """Within the same tick of the folder's clock, too."""
    assert states(slicer.inspect())["einops"] == "missing"
    tick = slicer.folder.stat().st_mtime_ns
    slicer.add("einops", proven_versions()["einops"])
    os.utime(slicer.folder, ns=(tick, tick))
    assert states(slicer.inspect())["einops"] == "ok"


def test_inspection_is_fast():
    inspect_environment()
    times = []
    for _ in range(5):
        since = time.perf_counter()
        inspect_environment()
        times.append(time.perf_counter() - since)
    assert min(times) < BUDGET_S


ISOLATED = """
import sys
sys.path[:] = [*sys.path, {project!r}, {packages!r}]
{block}
before = set(sys.modules)
import time
since = time.perf_counter()
import REACTKDLib.setup
seconds = time.perf_counter() - since
from REACTKDLib.setup.environment import inspect_environment
from REACTKDLib.setup.wording import requirements_message
environment = inspect_environment(cuda=False)
for heavy in ("numpy", "torch", "monai", "einops", "safetensors", "jinja2", "psutil", "tqdm", "qt", "slicer"):
    assert sys.modules.get(heavy) is None, heavy
print(seconds)
print(*(status.name for status in environment.missing))
"""
RAISING_FINDER = """
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("DLL load failed while importing torch")
sys.meta_path.insert(0, NoTorch())
"""


@pytest.mark.parametrize("block", ["", "sys.modules['torch'] = None", RAISING_FINDER])
def test_without_torch_everything_here_still_works_and_says_so(complete, project, block):
    """The packages are all described, but for torch where nothing else keeps it from being imported."""
    complete.remove("packaging")
    (complete.folder / "packaging.py").unlink()
    (complete.folder / "packaging").symlink_to(Path(packaging.__file__).parent)
    if not block:
        complete.remove("torch")
    script = ISOLATED.format(project=str(project), packages=str(complete.folder), block=block)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seconds, missing = done.stdout.splitlines()
    assert float(seconds) < BUDGET_S
    assert missing.split() == [PYTORCH]
