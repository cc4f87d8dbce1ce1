"""A checkout works in Slicer as it is: its folder REACTKD, added to the module paths, finds the library above it."""

import shutil
import subprocess
import sys

import pytest


def test_a_checkout_finds_its_library_wherever_slicer_was_started(project, tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(project)!r})
from Testing.slicer_host import start
host = start()
# The host stands on the library; the module shall find it by itself.
sys.path.remove({str(project)!r})
for name in [name for name in sys.modules if name.split(".")[0] == "REACTKDLib"]:
    del sys.modules[name]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder).lower()]
host.load_module({str(project / "REACTKD" / "REACTKD.py")!r})
print(host.enter("REACTKD").ui.modelSelector.currentText)
host.check()
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Demo model" in done.stdout


def test_a_checkout_on_windows_leaves_every_byte_of_a_models_files_alone(project):
    """Else git writes CRLF into the JSON among them, whose hashes are verified."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    files = [str(path) for path in (project / "Resources" / "Models").rglob("*") if path.is_file()]
    command = ["git", "check-attr", "text", "--", *files]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no git checkout: {done.stderr}")
    assert {line.rpartition(": ")[2] for line in done.stdout.splitlines()} == {"unset"}
