"""A process that loads a model once and serves cases: JSON lines in on stdin, JSON lines out on stdout.

    {"command": "predict", "id": "1", "files": {"ct": ..., "segmentation": ...}, "out": ..., "report": true,
     "findings": [{"severity": ..., "code": ..., "message": ...}]}
    {"command": "cancel", "id": "1"}
    {"command": "shutdown"}

    {"event": "starting", "pid": 4711}
    {"event": "ready", "device": {...}, "model": {...}}
    {"event": "progress", "id": "1", "stage": "network", "fraction": 0.6}
    {"event": "finding", "id": "1", "severity": ..., "code": ..., "message": ...}
    {"event": "done", "id": "1", "out": ..., "grade": {...}, "probabilities": [...], "logits": [...], "seconds": {...}}
    {"event": "error", "id": "1", "code": ..., "message": ..., "hint": ..., "role": ...}
    {"event": "cancelled", "id": "1"}

`starting` comes at once, before torch is loaded: `pid` is the process to end where nobody wants to wait for that.
Then comes `ready`, or an error without an id and exit status 2.

Every predict ends in exactly one of done, error or cancelled. A cancel is answered at once: a library call that is
under way runs to its end in the background, and its result is thrown away. The end of stdin ends the process.
`report` and `findings` may be left out; findings are recorded in the result beside its own. An error has a `role` where
one of the images is wrong: which one.
"""

import argparse
import json
import os
import sys
from typing import TextIO

from ..imaging.errors import ReactKDError
from .threads import share_cores


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
    share_cores()
    output = _private_stdout()
    # What is not UTF-8 is for the worker to refuse: here it would end it.
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    _send(output, event="starting", pid=os.getpid())
    try:
        worker = _load(options.model, options.device, output)
    except ReactKDError as error:
        _send(output, event="error", id=None, **error.to_dict())
        return 2
    worker.serve(sys.stdin)
    # A library call of a cancelled case may still be running; nothing of it is wanted any more.
    os._exit(0)


def _load(model: str, device: str, output: TextIO):
    """A `serving.Worker`, which answers on `output`. Raises ReactKDError: of model and device, and packages_broken."""
    try:
        # Not before `starting` was sent: these load torch, which takes seconds.
        from ..networks.cpu import tune_allocator
        from .predictor import Predictor
        from .serving import Worker
    except (ImportError, OSError) as error:
        raise ReactKDError(
            "packages_broken",
            f"The Python packages that REACT-KD needs cannot be loaded ({error}).",
            "Install them again.",
        ) from error
    tune_allocator()
    return Worker(Predictor.load(model, device), output)


def _send(output: TextIO, **event) -> None:
    output.write(json.dumps(event) + "\n")
    output.flush()


if __name__ == "__main__":
    sys.exit(main())
