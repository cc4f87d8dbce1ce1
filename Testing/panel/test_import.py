"""The module starts without what Setup installs, quickly, and says what is missing."""

import subprocess
import sys

HEAVY = ("torch", "monai", "einops", "safetensors", "jinja2", "psutil", "tqdm")

BLOCK = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
for name in {HEAVY}:
    sys.modules[name] = None
"""


def run(script: str, project) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True, timeout=120)


def test_the_module_is_imported_in_a_third_of_a_second_without_torch(project):
    script = f"""
{BLOCK}
import time
from Testing.slicer_host import start
host = start()
since = time.perf_counter()
host.load_module("REACTKD/REACTKD.py")
print(time.perf_counter() - since)
"""
    done = run(script, project)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 0.3


def test_listing_the_sample_data_at_start_up_does_not_load_what_makes_them(project):
    script = """
import sys
from Testing.slicer_host import start
host = start()
host.load_module("REACTKD/REACTKD.py")
import slicer
print("phantom listed:", any("phantom" in source.sampleName for source in slicer.modules.sampleDataSources["REACT-KD"]))
print("loaded:", [name for name in sys.modules if name.startswith("REACTKDLib.imaging.phantom")])
"""
    done = run(script, project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-2:] == ["phantom listed: True", "loaded: []"]


def test_without_torch_the_panel_opens_and_says_what_is_missing(project):
    script = f"""
{BLOCK}
from Testing.slicer_host import start
host = start()
host.load_module("REACTKD/REACTKD.py")
widget = host.enter("REACTKD")
host.click(widget.ui.sampleDataButton)
host.check()
print(widget.ui.applyButton.enabled)
print(widget.ui.applyButton.toolTip)
print(widget.ui.installButton.enabled and not widget.ui.advancedCollapsibleButton.collapsed)
loaded = [name for name in {HEAVY} if sys.modules.get(name) is not None]
print("loaded:", loaded)
"""
    done = run(script, project)
    assert done.returncode == 0, done.stderr
    enabled, reason, can_install, loaded = done.stdout.strip().splitlines()[-4:]
    assert enabled == "False"
    assert "torch" in reason
    assert "missing" in reason
    assert "Setup" in reason
    assert can_install == "True"
    assert loaded == "loaded: []"
