import subprocess
import sys

import pytest

from REACTKDLib.inference import threads


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_wants_otherwise(monkeypatch, before, after):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if before:
        monkeypatch.setenv("OMP_WAIT_POLICY", before)
    threads.share_cores()
    assert threads.os.environ["OMP_WAIT_POLICY"] == after


@pytest.mark.parametrize("door", ["REACTKDLib.cli.main", "REACTKDLib.inference.worker", "training.cli"])
def test_no_door_loads_torch_before_it_could_say_how_threads_wait(door):
    script = f"import sys, {door}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
