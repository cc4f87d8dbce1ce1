"""The worker as the panel sees it: a process that is started, asked, listened to and ended."""

import codecs
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import qt

WORKER = "REACTKDLib.inference.worker"
LIBRARY_FOLDER = Path(__file__).parents[2]
END_WAIT_MS = 1000
"""For a killed process to be gone."""


def python_executable() -> str:
    """Slicer's Python as a program of its own; in tests, the Python that runs them."""
    return shutil.which("PythonSlicer") or sys.executable


def python_process() -> qt.QProcess:
    """A process in whose Python this very REACTKDLib is imported."""
    environment = qt.QProcessEnvironment.systemEnvironment()
    paths = [str(LIBRARY_FOLDER), environment.value("PYTHONPATH")]
    environment.insert("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    process = qt.QProcess()
    process.setProcessEnvironment(environment)
    return process


def end_process(process: qt.QProcess) -> None:
    """At once, with what it has started: Slicer's launcher runs the Python itself as a process of its own."""
    pid = process.processId()
    if pid:
        if os.name == "nt":
            command = ["taskkill", "/F", "/T", "/PID", str(pid)]
            # Without the flag a console window would flash up.
            subprocess.run(command, capture_output=True, check=False, creationflags=subprocess.CREATE_NO_WINDOW)
        for child in _children(pid):
            with contextlib.suppress(OSError):  # it may have gone by itself
                os.kill(child, signal.SIGKILL)
    process.kill()
    process.waitForFinished(END_WAIT_MS)


def forget_process(process: qt.QProcess) -> None:
    """One that is over. It keeps whom it is connected to and they keep it, a circle that Python cannot see."""
    process.deleteLater()


def _children(pid: int) -> list[int]:
    """On Linux and macOS; the children's own children come with them, the launcher has no other."""
    if os.name == "nt" or shutil.which("pgrep") is None:
        return []
    # The system's programs do not always start with Slicer's libraries.
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    command = ["pgrep", "-P", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return [int(line) for line in found.stdout.split()]


class Lines:
    """Whole lines out of bytes that arrive in pieces."""

    def __init__(self):
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        return lines


class WorkerProcess:
    """Serves one model on one device.

    on_event: called with every event of the protocol (see the worker's module), as a dict.
    on_log: called with every line of its log.
    on_end: called once with the exit status if the process ends without `kill`; None where it could not start.
    """

    def __init__(
        self,
        model: Path,
        device: str,
        on_event: Callable[[dict], None],
        on_log: Callable[[str], None],
        on_end: Callable[[int | None], None],
    ):
        self.pid: int | None = None
        """Of the Python itself, which Slicer's launcher starts as a process of its own."""
        self._on_event, self._on_log, self._on_end = on_event, on_log, on_end
        self._events, self._log = Lines(), Lines()
        self._ended = False
        self._process = python_process()
        self._process.connect("readyReadStandardOutput()", self._read_events)
        self._process.connect("readyReadStandardError()", self._read_log)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        self._process.start(python_executable(), ["-m", WORKER, "--model", str(model), "--device", device])

    @property
    def alive(self) -> bool:
        return not self._ended

    def send(self, **request) -> None:
        """What is sent before the worker is ready waits in its pipe."""
        self._process.write((json.dumps(request) + "\n").encode())

    def kill(self) -> None:
        """Ends it at once, whatever it does; no callback comes any more."""
        if self._ended:
            return
        self._ended = True
        if self.pid is not None and self.pid != self._process.processId():
            with contextlib.suppress(OSError):  # it may have gone by itself
                os.kill(self.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        end_process(self._process)

    def _read_events(self) -> None:
        for line in self._events.feed(self._process.readAllStandardOutput().data()):
            if self._ended:
                return
            event = json.loads(line)
            if event["event"] == "starting":
                self.pid = event["pid"]
            self._on_event(event)

    def _read_log(self) -> None:
        for line in self._log.feed(self._process.readAllStandardError().data()):
            self._on_log(line)

    def _finished(self, status: int, _how: int) -> None:
        # What it said last is still in the pipes, and says more than its exit status.
        self._read_events()
        self._read_log()
        forget_process(self._process)
        self._end(status)

    def _failed(self, error: int) -> None:
        if error == qt.QProcess.FailedToStart:
            forget_process(self._process)
            self._end(None)

    def _end(self, status: int | None) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(status)
