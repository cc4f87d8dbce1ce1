"""A process that loads a model once and serves cases: JSON lines in on stdin, JSON lines out on stdout.

    {"command": "predict", "id": "1", "files": {"ct": ..., "segmentation": ...}, "out": ..., "report": true}
    {"command": "cancel", "id": "1"}
    {"command": "shutdown"}

    {"event": "ready", "device": {...}, "model": {...}}
    {"event": "progress", "id": "1", "stage": "network", "fraction": 0.6}
    {"event": "finding", "id": "1", "severity": ..., "code": ..., "message": ...}
    {"event": "done", "id": "1", "out": ..., "grade": {...}, "probabilities": [...], "logits": [...], "seconds": {...}}
    {"event": "error", "id": "1", "code": ..., "message": ..., "hint": ...}
    {"event": "cancelled", "id": "1"}

Every predict ends in exactly one of done, error or cancelled. A cancel is answered at once: a library call that is
under way runs to its end in the background, and its result is thrown away. The end of stdin ends the process.
"""

import argparse
import json
import os
import queue
import sys
import threading
import traceback
from dataclasses import dataclass, field
from typing import TextIO

from ..imaging.errors import ReactKDError
from ..networks.cpu import tune_allocator
from .predictor import Predictor
from .run import CaseFiles, run_case


class _Cancelled(Exception):
    """The job's result is no longer wanted."""


@dataclass
class _Job:
    """A request on its way: open, then committed (its result is being put in place), then ended (last event sent)."""

    id: str
    request: dict
    state: str = "open"
    lock: threading.Lock = field(default_factory=threading.Lock)

    def move(self, to: str, *allowed: str) -> bool:
        """Whether the job was in one of the allowed states, and now is in the new one."""
        with self.lock:
            if self.state not in allowed:
                return False
            self.state = to
            return True


class Worker:
    """Serves requests one after the other, and cancels while one runs."""

    def __init__(self, predictor: Predictor, output: TextIO):
        self._predictor = predictor
        self._output = output
        self._output_lock = threading.Lock()
        self._queue: queue.Queue[_Job] = queue.Queue()
        self._jobs: dict[str, _Job] = {}

    def serve(self, requests: TextIO) -> None:
        """Until a shutdown or the end of `requests`."""
        threading.Thread(target=self._work, daemon=True).start()
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

    def _obey(self, line: str) -> bool:
        """False after a shutdown."""
        try:
            request = json.loads(line)
            command, job_id = request["command"], str(request.get("id", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            self._send("error", id=None, code="bad_request", message="A request is not valid.", hint="")
            return True
        if command == "predict":
            job = self._jobs[job_id] = _Job(job_id, request)
            self._queue.put(job)
        elif command == "cancel" and job_id in self._jobs:
            self._cancel(self._jobs[job_id])
        return command != "shutdown"

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            if job.state == "open":
                self._run(job)

    def _run(self, job: _Job) -> None:
        def progress(stage: str, fraction: float) -> None:
            # Until the last stage nothing is in its place yet, and a cancel leaves nothing; then it comes too late.
            if job.state == "ended" or (stage == "finish" and not job.move("committed", "open")):
                raise _Cancelled
            self._send("progress", id=job.id, stage=stage, fraction=fraction)

        try:
            files = CaseFiles(**job.request["files"])
            out = job.request["out"]
            prediction = run_case(self._predictor, files, out, progress, report=job.request.get("report", True))
            for finding in prediction.findings:
                self._send("finding", id=job.id, **finding.to_dict())
            values = prediction.to_dict()
            result = {key: values[key] for key in ("grade", "probabilities", "logits")}
            self._end(job, "done", out=str(out), seconds=prediction.provenance["seconds"], **result)
        except _Cancelled:
            pass
        except ReactKDError as error:
            self._end(job, "error", **error.to_dict())
        except (KeyError, TypeError) as error:
            self._end(job, "error", code="bad_request", message=f"The request describes no case ({error}).", hint="")
            traceback.print_exc()
        except Exception as error:  # the worker outlives whatever one case does to it
            message = f"The case could not be processed ({type(error).__name__})."
            self._end(job, "error", code="internal", message=message, hint="See the worker's log.")
            traceback.print_exc()
        finally:
            self._jobs.pop(job.id, None)

    def _cancel(self, job: _Job) -> None:
        if job.move("ended", "open"):
            self._send("cancelled", id=job.id)

    def _end(self, job: _Job, event: str, **values) -> None:
        if job.move("ended", "open", "committed"):
            self._send(event, id=job.id, **values)

    def _send(self, event: str, **values) -> None:
        with self._output_lock:
            self._output.write(json.dumps({"event": event, **values}) + "\n")
            self._output.flush()


def _private_stdout() -> TextIO:
    """The real stdout; what libraries print goes to stderr and cannot break a line of JSON."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m REACTKDLib.inference.worker", description="Serve predictions.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    output = _private_stdout()
    tune_allocator()
    try:
        predictor = Predictor.load(options.model, options.device)
    except ReactKDError as error:
        output.write(json.dumps({"event": "error", "id": None, **error.to_dict()}) + "\n")
        output.flush()
        return 2
    Worker(predictor, output).serve(sys.stdin)
    # A library call of a cancelled case may still be running; nothing of it is wanted any more.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
