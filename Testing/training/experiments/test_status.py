import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

from Testing.training.experiments.fake_training import METRICS, FakeTraining
from training.engine.jobs import Job
from training.experiments.commands import run_config, show_status
from training.experiments.errors import ExperimentError
from training.experiments.heartbeat import RUNNING, heartbeat, is_beating, was_left
from training.experiments.runner import run_experiment
from training.experiments.status import progress_of_run, status_lines


def states(run) -> dict[Job, str]:
    return {progress.job: progress.state for progress in progress_of_run(run)}


def test_each_job_is_shown_in_its_state(experiment, run):
    dual, ct = Job("teacher", "dual", 0, 0), Job("teacher", "ct", 0, 0)
    assert set(states(run).values()) == {"waiting"}
    run_experiment(experiment, run, train=FakeTraining(fails=(dual,)))
    found = states(run)
    assert found[dual] == "failed"
    assert found[Job("student", "react_kd", 0, 0)] == "waiting"
    assert found[ct] == "done"
    text = "\n".join(status_lines(run))
    assert "teacher dual, fold 0, seed 0: loss_not_finite: The loss is not finite. Use fp32." in text
    assert "3 of 150  0.750 (2)" in text
    assert text.endswith("1 failed, 8 done, 1 waiting")


def test_a_job_is_running_while_its_process_lives_and_stopped_after(run):
    job = Job("teacher", "dual", 0, 0)
    folder = run / job.folder
    folder.mkdir(parents=True)
    with heartbeat(folder, epoch=1):
        beginning = json.loads((folder / RUNNING).read_text()) | {"since": time.time() - 20}
        (folder / RUNNING).write_text(json.dumps(beginning))
        (folder / "metrics.csv").write_text(METRICS)
        progress = next(progress for progress in progress_of_run(run) if progress.job == job)
        assert progress.state == "running"
        # Two epochs since this process began took 20 s, and 147 are left.
        assert progress.seconds_left == pytest.approx(1470, rel=0.05)
        assert any("running  3 of 150" in line and "min" in line for line in status_lines(run))
    assert states(run)[job] == "stopped"


def test_a_process_that_was_killed_leaves_a_silent_sign(tmp_path):
    script = "import os, signal, sys; from pathlib import Path; from training.experiments.heartbeat import heartbeat\n"
    script += "with heartbeat(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert not is_beating(tmp_path)
    assert was_left(tmp_path)


def test_a_process_ends_itself_when_its_parent_has_gone(tmp_path):
    script = textwrap.dedent("""
        import os, sys, time
        from pathlib import Path
        from training.experiments import heartbeat
        heartbeat.BEAT_SECONDS = 0.05
        if os.fork() == 0:
            with heartbeat.heartbeat(Path(sys.argv[1])):
                time.sleep(60)
        while not (Path(sys.argv[1]) / heartbeat.RUNNING).exists():
            time.sleep(0.01)
        time.sleep(0.1)
        os._exit(0)
    """)
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True)
    pid = json.loads((tmp_path / RUNNING).read_text())["pid"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and is_beating(tmp_path) and _runs(pid):
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(ExperimentError) as error:
        show_status(tmp_path)
    assert error.value.code == "no_run"


@pytest.mark.parametrize(
    ("fault", "status"), [({}, 0), ({"fails": (Job("teacher", "dual", 0, 0),)}, 1), ({"interrupted": True}, 130)]
)
def test_the_exit_status_says_what_came_of_it(run, fault, status, monkeypatch, capsys):
    if fault.get("interrupted"):
        fault = {"interrupted": (Job("teacher", "dual", 0, 0),)}
    monkeypatch.setattr("training.experiments.runner._run_job", lambda: FakeTraining(**fault))
    try:
        run_config(str(run / "config.yaml"), out=run.parent, name=run.name)
        found = 0
    except SystemExit as exit_:
        found = exit_.code
    assert found == status
    told = capsys.readouterr()
    if status == 0:
        assert f"All done: {run}" in told.out
    if status == 1:
        assert "teacher dual, fold 0, seed 0: loss_not_finite: The loss is not finite. Use fp32." in told.err
        assert "student react_kd, fold 0, seed 0: skipped" in told.err
    if status == 130:
        assert "The same command goes on" in told.err
        assert os.path.exists(run / "config.yaml")
