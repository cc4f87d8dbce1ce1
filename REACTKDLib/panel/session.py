"""One run at a time, and the worker that stays warm between runs. Knows nodes and files, no widgets."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import qt
from slicer.i18n import tr as _

from ..imaging.errors import Finding, ReactKDError
from ..inference.model_card import ModelCard
from ..scene.case_nodes import CaseNodes, check, write_case
from .worker_process import WorkerProcess

SILENCE_S = 180
"""A worker that says nothing for so long is taken for hung. Loading torch from a slow disk takes a minute."""
CASE_NAME = "case"
"""Results are named neutrally: a node's name can hold a patient's."""
INPUT, RESULT = "input", "result"
CPU = "cpu"
RETRIED = "retried_on_cpu"
GPU_TROUBLE = ("out_of_memory", "no_such_device")
"""Errors that the same request may not meet on the CPU."""


@dataclass(frozen=True)
class Request:
    """What Apply asks for. findings: what the result shall record besides its own."""

    nodes: CaseNodes
    model: Path
    device: str = "auto"
    findings: tuple[Finding, ...] = ()

    def on_cpu(self, failure: "Failure") -> "Request":
        """The same on the CPU; the result records why."""
        message = f"Computed on the CPU, after this on {self.device}: {failure.message}"
        return replace(self, device=CPU, findings=(*self.findings, Finding("info", RETRIED, message)))


@dataclass(frozen=True)
class Failure:
    """Why there is no result. retry: whether the same request may work on the CPU."""

    code: str
    message: str
    hint: str
    retry: bool = False

    @classmethod
    def of(cls, error: ReactKDError) -> "Failure":
        return cls(error.code, error.message, error.hint)


class Listener(Protocol):
    """Who wants to know. Each run ends in exactly one of `done`, `failed` or, after `cancel`, nothing."""

    def stage(self, name: str, fraction: float) -> None: ...

    def done(self, request: Request, folder: Path) -> None:
        """folder: the prediction's; it stays until the next result replaces it or the session is closed."""

    def failed(self, request: Request, failure: Failure) -> None: ...

    def worker_changed(self, device: dict | None) -> None:
        """device: what a warm worker really uses; None when there is no worker."""

    def log(self, line: str) -> None: ...


@dataclass
class _Run:
    id: str
    request: Request
    folder: Path


class Session:
    """Runs requests in a worker. Temporary files lie in one folder, which `close` removes."""

    def __init__(self, listener: Listener, temporary: Path):
        self._listener = listener
        self._temporary = temporary
        self._worker: WorkerProcess | None = None
        self._serves: tuple[str, str] | None = None
        self._device: dict | None = None
        self._run: _Run | None = None
        self._count = 0
        self._result: Path | None = None
        self._watch = qt.QTimer()
        self._watch.setSingleShot(True)
        self._watch.connect("timeout()", self._silent)

    @property
    def running(self) -> bool:
        return self._run is not None

    @property
    def warm(self) -> bool:
        return self._worker is not None and self._worker.alive

    def apply(self, request: Request) -> None:
        """Begins a run. What is wrong with nodes, model or disk is said through `failed`, before anything starts."""
        if self.running:
            raise RuntimeError("A run is under way.")
        self._listener.stage("input", 0.0)
        folder = None
        try:
            card = ModelCard.read(request.model)
            check(request.nodes)
            folder = self._new_folder()
            (folder / INPUT).mkdir()
            files = write_case(request.nodes, folder / INPUT, CASE_NAME)
        except Exception as error:  # whatever it is, no image of a patient stays behind
            _remove(folder)
            if not isinstance(error, ReactKDError):
                raise
            self._listener.failed(request, Failure.of(error))
            return
        self._count += 1
        self._run = _Run(str(self._count), request, folder)
        self._ensure_worker(request, card.sha256)
        if self._run is None:
            # On Windows a worker that cannot start says so before its start returns, and the run has failed.
            return
        values = {name: str(value) for name, value in vars(files).items() if value is not None}
        self._worker.send(
            command="predict",
            id=self._run.id,
            files=values,
            out=str(folder / RESULT),
            report=False,
            findings=[finding.to_dict() for finding in request.findings],
        )
        self._watch.start(SILENCE_S * 1000)

    def cancel(self) -> None:
        """Ends the run and the worker with it: no process, file or node of the run is left."""
        if self._run is None:
            return
        self._forget_worker()
        _remove(self._take_run().folder)

    def stop_worker(self) -> None:
        """Frees its memory. Does nothing during a run."""
        if not self.running:
            self._forget_worker()

    def close(self) -> None:
        self.cancel()
        self._forget_worker()
        _remove(self._result)
        self._result = None

    def _new_folder(self) -> Path:
        try:
            self._temporary.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix="reactkd-", dir=self._temporary))
        except OSError as error:
            raise ReactKDError(
                "no_temporary_folder",
                _("The temporary folder cannot be written ({reason}).").format(reason=error.strerror),
                _("Choose another one in Slicer's application settings, or free disk space."),
            ) from error

    def _ensure_worker(self, request: Request, model: str) -> None:
        if self.warm and self._serves == (model, request.device):
            return
        self._forget_worker()
        self._listener.stage("start", 0.02)
        self._serves = (model, request.device)
        worker = WorkerProcess(request.model, request.device, self._obey, self._listener.log, self._worker_ended)
        self._worker = worker if worker.alive else None

    def _forget_worker(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._no_worker()

    def _no_worker(self) -> None:
        self._worker = self._serves = self._device = None
        self._listener.worker_changed(None)

    def _take_run(self) -> _Run:
        """The run, which is over now."""
        self._watch.stop()
        run, self._run = self._run, None
        return run

    def _obey(self, event: dict) -> None:
        kind = event["event"]
        if kind == "ready":
            self._device = event["device"]
            self._listener.worker_changed(self._device)
        if self._run is None:
            return
        self._watch.start(SILENCE_S * 1000)
        if kind == "progress":
            self._listener.stage(event["stage"], event["fraction"])
        elif kind == "done":
            run = self._take_run()
            _remove(self._result)
            self._result = run.folder
            _remove(run.folder / INPUT)
            self._listener.done(run.request, run.folder / RESULT)
        elif kind == "error":
            self._fail(Failure(event["code"], event["message"], event["hint"], event["code"] in GPU_TROUBLE))

    def _worker_ended(self, status: int | None) -> None:
        on_cpu = self._on_cpu
        self._no_worker()
        if self._run is None:
            return
        if status is None:
            message = _("The worker process could not be started.")
            self._fail(Failure("worker_not_started", message, _("Run the check in Advanced, Setup.")))
            return
        message = _("The worker process ended unexpectedly (status {status}); it may have run out of memory.")
        hint = _("Apply again; the log in Advanced may say more.")
        self._fail(Failure("worker_crashed", message.format(status=status), hint, not on_cpu))

    def _silent(self) -> None:
        if self._run is None:
            return
        on_cpu = self._on_cpu
        self._forget_worker()
        message = _("The worker said nothing for {seconds} s and was stopped.").format(seconds=SILENCE_S)
        hint = _("Apply again; the log in Advanced may say more.")
        self._fail(Failure("worker_silent", message, hint, not on_cpu))

    @property
    def _on_cpu(self) -> bool:
        """Whether the run is on the CPU; before the worker has said so, a run on `auto` may be on a GPU."""
        return CPU in (self._run and self._run.request.device, self._device and self._device["device"])

    def _fail(self, failure: Failure) -> None:
        run = self._take_run()
        _remove(run.folder)
        self._listener.failed(run.request, failure)


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
