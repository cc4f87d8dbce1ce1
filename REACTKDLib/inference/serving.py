"""Serves a worker's requests: one case after the other, and cancels while one runs. `worker` has the protocol."""

import json
import queue
import threading
import traceback
from dataclasses import dataclass, field
from typing import TextIO

from ..imaging.errors import Finding, ReactKDError
from .case_files import CaseFiles
from .predictor import Predictor
from .run import run_case

LAST_WAIT_S = 2.0
"""At the end of a worker, for what still runs."""


class _Cancelled(Exception):
    """The job's result is no longer wanted."""


@dataclass
class _Job:
    """A request on its way: open, then committed (its result is being put in place), then ended (last event sent)."""

    id: str
    files: CaseFiles
    out: str
    report: bool
    findings: tuple[Finding, ...] = ()
    state: str = "open"
    lock: threading.Lock = field(default_factory=threading.Lock)

    def move(self, to: str, *allowed: str) -> bool:
        """Whether the job was in one of the allowed states, and now is in the new one."""
        with self.lock:
            if self.state not in allowed:
                return False
            self.state = to
            return True


def _job(job_id: str, request: dict) -> _Job:
    """Raises KeyError, TypeError or ValueError where the request describes no case."""
    findings = tuple(Finding(**values) for values in request.get("findings", ()))
    if wrong := {finding.severity for finding in findings} - {"info", "warning"}:
        raise ValueError(f"there is no severity {wrong.pop()!r}")
    files = CaseFiles(**request["files"])
    for name, value in {**vars(files), "out": request["out"]}.items():
        kind = int | None if name == "acquisition" else str if name in ("ct", "name", "out") else str | None
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r:.40}")
    return _Job(job_id, files, request["out"], bool(request.get("report", True)), findings)


class Worker:
    """Serves requests one after the other, and cancels while one runs."""

    def __init__(self, predictor: Predictor, output: TextIO):
        self._predictor = predictor
        self._output = output
        self._output_lock = threading.Lock()
        self._queue: queue.Queue[_Job | None] = queue.Queue()
        self._jobs: dict[str, _Job] = {}

    def serve(self, requests: TextIO) -> None:
        """Until a shutdown or the end of `requests`."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        card = self._predictor.card
        model = {
            "name": card.name,
            "network": card.network,
            "sha256": card.sha256,
            "phantoms": card.trained_on_phantoms,
        }
        self._send("ready", device=self._predictor.device.to_dict(), model=model)
        for line in requests:
            if line.strip() and not self._obey(line):
                break
        for job in list(self._jobs.values()):
            self._cancel(job)
        # A result that is being put in place is finished; a library call whose result nobody wants is not waited for.
        self._queue.put(None)
        while thread.is_alive():
            thread.join(LAST_WAIT_S)
            if not any(job.state == "committed" for job in self._jobs.values()):
                break

    def _obey(self, line: str) -> bool:
        """False after a shutdown."""
        try:
            request = json.loads(line.encode())  # of a line that was not UTF-8, this raises ValueError
            command, job_id = request["command"], str(request.get("id", ""))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._refuse(None, "it is no JSON object with a command")
            return True
        if command == "predict":
            self._accept(job_id, request)
        elif command == "cancel":
            if job := self._jobs.get(job_id):
                self._cancel(job)
        elif command != "shutdown":
            self._refuse(job_id, f"there is no command '{command}'")
        return command != "shutdown"

    def _accept(self, job_id: str, request: dict) -> None:
        if not job_id or job_id in self._jobs:
            self._refuse(job_id, "a predict needs an id that is not in use")
            return
        try:
            job = _job(job_id, request)
        except (KeyError, TypeError, ValueError) as error:
            self._refuse(job_id, f"it describes no case ({error})")
            return
        self._jobs[job_id] = job
        self._queue.put(job)

    def _refuse(self, job_id: str | None, problem: str) -> None:
        message = f"The request was not understood: {problem}."
        self._send("error", id=job_id, code="bad_request", message=message, hint="See the worker's documentation.")

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            if job.state == "open":
                self._run(job)

    def _run(self, job: _Job) -> None:
        def progress(stage: str, fraction: float) -> None:
            # Until the last stage nothing is in its place yet, and a cancel leaves nothing; then it comes too late.
            if job.state == "ended" or (stage == "finish" and not job.move("committed", "open")):
                raise _Cancelled
            self._send("progress", id=job.id, stage=stage, fraction=fraction)

        try:
            prediction = run_case(
                self._predictor, job.files, job.out, progress, report=job.report, findings=job.findings
            )
            for finding in prediction.findings:
                self._send("finding", id=job.id, **finding.to_dict())
            values = prediction.to_dict()
            result = {key: values[key] for key in ("grade", "probabilities", "logits")}
            self._end(job, "done", out=job.out, seconds=prediction.provenance["seconds"], **result)
        except _Cancelled:
            pass
        except ReactKDError as error:
            self._end(job, "error", **error.to_dict())
        except Exception as error:  # the worker outlives whatever one case does to it
            message = f"The case could not be processed ({type(error).__name__})."
            self._end(job, "error", code="internal", message=message, hint="See the worker's log.")
            traceback.print_exc()

    def _cancel(self, job: _Job) -> None:
        if job.move("ended", "open"):
            self._jobs.pop(job.id)
            self._send("cancelled", id=job.id)

    def _end(self, job: _Job, event: str, **values) -> None:
        if job.move("ended", "open", "committed"):
            self._jobs.pop(job.id)  # before the event: who reads it may use the id again
            self._send(event, id=job.id, **values)

    def _send(self, event: str, **values) -> None:
        with self._output_lock:
            self._output.write(json.dumps({"event": event, **values}) + "\n")
            self._output.flush()
