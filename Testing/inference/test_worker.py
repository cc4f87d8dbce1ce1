import io
import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from REACTKDLib.inference import serving as module
from REACTKDLib.inference.run import run_case

PROJECT = Path(module.__file__).parents[2]
PIPES = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)


class Process:
    """The real worker, driven through its pipes."""

    def __init__(self, model, device="cpu"):
        command = [sys.executable, "-m", "REACTKDLib.inference.worker", "--model", str(model), "--device", device]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.events: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.put((time.monotonic(), json.loads(line)))

    def send(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def predict(self, job, files, out, findings=(), **changes):
        values = {key: str(value) for key, value in {**vars(files), **changes}.items() if value is not None}
        self.send(command="predict", id=job, files=values, out=str(out), report=False, findings=list(findings))

    def until(self, *names, job=None, seconds=60):
        """The first of these events (of that job), and when it came."""
        end = time.monotonic() + seconds
        while True:
            came, event = self.events.get(timeout=max(0.1, end - time.monotonic()))
            if event["event"] in names and (job is None or event.get("id") == job):
                return came, event

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def shared(model_folder):
    process = Process(model_folder)
    yield process
    process.close()


@pytest.fixture(scope="module")
def ready(shared):
    return shared.until("ready")[1]


def test_a_worker_says_which_device_it_really_uses_and_which_model(ready, predictor):
    assert ready["device"]["device"] == "cpu"
    assert ready["device"]["precision"] == "fp32"
    assert ready["device"]["torch"]
    assert ready["model"]["sha256"] == predictor.card.sha256
    assert ready["model"]["phantoms"] is True


def test_a_case_is_served_with_progress_findings_and_the_python_apis_logits(shared, ready, files, predictor, tmp_path):
    shared.predict("a", files, tmp_path / "out")
    stages, findings = [], []
    while True:
        _, event = shared.until("progress", "finding", "done", "error", job="a")
        if event["event"] == "progress":
            stages.append(event["stage"])
        elif event["event"] == "finding":
            findings.append(event["code"])
        else:
            break
    assert event["event"] == "done"
    assert stages == ["read", "preprocess", "network", "explain", "write", "finish"]
    assert "phantom_model" in findings
    expected = run_case(predictor, files, tmp_path / "api", report=False)
    assert event["logits"] == list(expected.logits)
    assert json.loads((tmp_path / "out" / "prediction.json").read_text())["logits"] == event["logits"]


def test_a_worker_survives_bad_cases_and_serves_the_next(shared, ready, files, tmp_path):
    broken = tmp_path / "broken.nii.gz"
    broken.write_text("no image")
    shared.predict("bad1", files, tmp_path / "bad1", ct=broken)
    assert shared.until("done", "error", job="bad1")[1]["code"] == "unreadable"
    shared.send(command="predict", id="bad2", files={"nonsense": 1}, out=str(tmp_path / "bad2"))
    assert shared.until("done", "error", job="bad2")[1]["code"] == "bad_request"
    broken_lines = (b"this is not JSON", b"[1]", b"\xff\xfe no UTF-8", b'{"command": "\xe4"}', b"[" * 200_000)
    for line in broken_lines:
        shared.process.stdin.buffer.write(line + b"\n")
        shared.process.stdin.buffer.flush()
        event = shared.until("error")[1]
        assert (event["id"], event["code"]) == (None, "bad_request")
    shared.predict("good", files, tmp_path / "good")
    assert shared.until("done", "error", job="good")[1]["event"] == "done"
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["good"]


def test_what_the_caller_knows_besides_is_recorded_in_the_result(shared, ready, files, tmp_path):
    retried = {"severity": "info", "code": "retried_on_cpu", "message": "The graphics card had too little memory."}
    shared.predict("told", files, tmp_path / "out", findings=[retried])
    assert shared.until("done", "error", job="told")[1]["event"] == "done"
    findings = json.loads((tmp_path / "out" / "prediction.json").read_text())["findings"]
    assert findings[-1] == retried
    assert "phantom_model" in [finding["code"] for finding in findings[:-1]]


def test_the_process_says_who_it_is_before_it_loads_torch(model_folder):
    script = (
        "import sys; from REACTKDLib.inference import worker\n"
        "original = worker._load\n"
        "def watched(*arguments):\n"
        "    print('torch' in sys.modules, 'monai' in sys.modules, file=sys.stderr); return original(*arguments)\n"
        "worker._load = watched\n"
        f"worker.main(['--model', {str(model_folder)!r}, '--device', 'cpu'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], **PIPES, text=True, cwd=PROJECT)
    first = json.loads(process.stdout.readline())
    second = json.loads(process.stdout.readline())
    process.stdin.close()
    assert first == {"event": "starting", "pid": process.pid}
    assert second["event"] == "ready"
    assert process.stderr.read().splitlines()[0] == "False False"
    process.wait()


def test_packages_that_cannot_be_loaded_are_an_event_too(model_folder):
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from REACTKDLib.inference import worker\n"
        f"sys.exit(worker.main(['--model', {str(model_folder)!r}]))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PROJECT, check=False)
    starting, error = map(json.loads, run.stdout.splitlines())
    assert starting["event"] == "starting"
    assert (error["event"], error["id"], error["code"]) == ("error", None, "packages_broken")
    assert "torch" in error["message"]
    assert run.returncode == 2


@pytest.mark.parametrize("stage", ["read", "preprocess", "network", "explain", "write"])
def test_a_cancel_is_obeyed_within_two_seconds_and_leaves_nothing(shared, ready, files, tmp_path, stage):
    shared.predict(stage, files, tmp_path / "out")
    while shared.until("progress", "done", job=stage)[1].get("stage") != stage:
        pass
    asked = time.monotonic()
    shared.send(command="cancel", id=stage)
    came, event = shared.until("cancelled", "done", "error", job=stage)
    # On a fast machine the case may be through before the cancel arrives; then its result is whole.
    assert came - asked < 2
    if event["event"] == "cancelled":
        shared.predict(stage + " next", files, tmp_path / "next")
        shared.until("done", job=stage + " next")
        assert [p.name for p in tmp_path.iterdir()] == ["next"]
    else:
        assert (tmp_path / "out" / "prediction.json").exists()


def test_a_cancelled_case_that_waits_its_turn_is_never_begun(shared, ready, files, tmp_path):
    shared.predict("first", files, tmp_path / "first")
    shared.predict("second", files, tmp_path / "second")
    shared.send(command="cancel", id="second")
    assert shared.until("cancelled", "progress", job="second")[1]["event"] == "cancelled"
    shared.until("done", job="first")
    assert not (tmp_path / "second").exists()


def test_the_end_of_stdin_ends_the_worker(model_folder):
    process = Process(model_folder)
    process.until("ready")
    process.process.stdin.close()
    assert process.process.wait(timeout=10) == 0
    process.process.stdin = None
    process.close()


@pytest.mark.parametrize(
    ("model", "device", "code"), [("nowhere", "cpu", "missing_model"), (None, "cuda:99", "no_such_device")]
)
def test_a_worker_that_cannot_start_says_why(model_folder, model, device, code):
    process = Process(model or model_folder, device)
    event = process.until("error", "ready")[1]
    assert event["code"] == code
    assert event["hint"]
    assert process.process.wait(timeout=30) == 2
    process.close()


class Slow:
    """A predictor's stand-in for the order of events: `run_case` is replaced beside it."""

    class card:
        name, network, sha256, trained_on_phantoms = "m", "student", "0", True

    class device:
        @staticmethod
        def to_dict():
            return {}


def serve(monkeypatch, run, *requests) -> list[dict]:
    """Events of a worker in this process whose `run_case` is `run`."""
    monkeypatch.setattr(module, "run_case", run)
    output = io.StringIO()
    done = threading.Event()

    def lines():
        for request in requests:
            yield json.dumps(request) if isinstance(request, dict) else request() or ""
        done.wait(0.5)

    module.Worker(Slow(), output).serve(lines())
    return [json.loads(line) for line in output.getvalue().splitlines()]


PREDICT = {"command": "predict", "id": "x", "files": {"ct": "ct.nii"}, "out": "out"}


def test_after_the_result_is_in_place_a_cancel_comes_too_late(monkeypatch):
    committed = threading.Event()

    def run(predictor, files, out, progress, **options):
        progress("finish", 1.0)
        committed.set()
        time.sleep(0.2)
        raise OSError("late failure")

    def wait():
        committed.wait(2)

    events = serve(monkeypatch, run, PREDICT, wait, {"command": "cancel", "id": "x"})
    ends = [event["event"] for event in events if event["event"] in ("done", "error", "cancelled")]
    assert ends == ["error"]


def test_a_cancel_before_the_result_is_in_place_keeps_it_from_being_written(monkeypatch):
    begun, cancelled, written = threading.Event(), threading.Event(), []

    def run(predictor, files, out, progress, **options):
        progress("network", 0.5)
        begun.set()
        cancelled.wait(2)
        progress("finish", 1.0)
        written.append(out)

    def wait():
        begun.wait(2)

    events = serve(monkeypatch, run, PREDICT, wait, {"command": "cancel", "id": "x"}, cancelled.set)
    assert [event["event"] for event in events] == ["ready", "progress", "cancelled"]
    assert written == []


def test_a_result_that_is_being_put_in_place_when_the_worker_ends_is_finished_and_said(monkeypatch):
    committed = threading.Event()

    def run(predictor, files, out, progress, **options):
        progress("finish", 1.0)
        committed.set()
        time.sleep(0.3)
        raise OSError("late failure")

    events = serve(monkeypatch, run, PREDICT, lambda: committed.wait(2) and None, {"command": "shutdown"})
    assert [event["event"] for event in events][-1] == "error"


def test_an_id_in_use_is_refused_and_the_first_request_goes_on(monkeypatch):
    begun, release = threading.Event(), threading.Event()

    def run(predictor, files, out, progress, **options):
        begun.set()
        release.wait(2)
        raise OSError("its end")

    events = serve(monkeypatch, run, PREDICT, lambda: begun.wait(2) and None, PREDICT, lambda: release.set())
    codes = [event["code"] for event in events if event["event"] == "error"]
    assert codes == ["bad_request", "internal"]


def test_a_command_that_does_not_exist_and_a_predict_without_an_id_are_refused(monkeypatch):
    events = serve(monkeypatch, None, {"command": "predct", "id": "1"}, {"command": "predict", "files": {"ct": "x"}})
    assert [event["code"] for event in events if event["event"] == "error"] == ["bad_request", "bad_request"]


@pytest.mark.parametrize("findings", [[{"severity": "fatal", "code": "a", "message": "b"}], [{"code": "a"}], 3, ["a"]])
def test_findings_that_are_none_are_refused(monkeypatch, findings):
    events = serve(monkeypatch, None, {**PREDICT, "findings": findings})
    assert [(event["id"], event["code"]) for event in events if event["event"] == "error"] == [("x", "bad_request")]


@pytest.mark.parametrize(
    "files",
    [None, [], {"ct": 5}, {"ct": None}, {"ct": ["a"]}, {"ct": "a", "liver": 1}, {"ct": "a", "name": None},
     {"ct": "a", "acquisition": "3"}, {"ct": "a", "tumor_segment": 2}, {"liver": "a"}],
)  # fmt: skip
def test_files_that_are_no_paths_are_refused(monkeypatch, files):
    events = serve(monkeypatch, None, {**PREDICT, "files": files})
    assert [(event["id"], event["code"]) for event in events if event["event"] == "error"] == [("x", "bad_request")]


@pytest.mark.parametrize("out", [None, 3, ["out"]])
def test_an_output_that_is_no_path_is_refused(monkeypatch, out):
    events = serve(monkeypatch, None, {**PREDICT, "out": out})
    assert [(event["id"], event["code"]) for event in events if event["event"] == "error"] == [("x", "bad_request")]


def test_whatever_a_case_raises_the_message_is_plain_and_the_worker_goes_on(monkeypatch, capsys):
    calls = []

    def run(predictor, files, out, progress, **options):
        calls.append(out)
        raise ZeroDivisionError("deep inside")

    events = serve(monkeypatch, run, PREDICT, {**PREDICT, "id": "y"})
    errors = [event for event in events if event["event"] == "error"]
    assert [error["id"] for error in errors] == ["x", "y"]
    assert all("Traceback" not in error["message"] for error in errors)
    assert "deep inside" in capsys.readouterr().err


def test_nothing_a_library_prints_reaches_the_events(model_folder, files, tmp_path):
    script = (
        "import sys, os; from REACTKDLib.inference import serving, worker\n"
        "original = serving.run_case\n"
        "def noisy(*a, **k):\n"
        "    print('noise from python'); os.write(1, b'noise from C\\n'); return original(*a, **k)\n"
        "serving.run_case = noisy\n"
        f"sys.exit(worker.main(['--model', {str(model_folder)!r}, '--device', 'cpu']))\n"
    )
    values = {key: str(value) for key, value in vars(files).items() if value is not None}
    request = json.dumps(
        {"command": "predict", "id": "1", "files": values, "out": str(tmp_path / "o"), "report": False}
    )
    process = subprocess.Popen([sys.executable, "-c", script], **PIPES, text=True, cwd=PROJECT)
    process.stdin.write(request + "\n")
    process.stdin.flush()
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] in ("done", "error"):
            break
    process.stdin.close()
    assert events[-1]["event"] == "done"
    assert np.isfinite(events[-1]["logits"]).all()
    assert "noise from C" in process.stderr.read()
    process.wait()
