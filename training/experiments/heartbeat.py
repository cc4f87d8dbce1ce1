"""A sign of life in a job's folder, while a process trains it."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RUNNING = "running.json"
"""Names the process; touched at every beat, and left behind by one that was killed."""
BEAT_SECONDS = 5.0
SILENCE_SECONDS = 60.0
"""After which a process counts as gone; clocks and file systems of a cluster lag."""


@contextmanager
def heartbeat(folder: Path, epoch: int = 0) -> Iterator[None]:
    """Beats until the block is left. A process whose parent has gone ends itself: nobody waits for what it trains.

    epoch: how many were finished before.
    """
    path = folder / RUNNING
    beginning = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "epoch": epoch}
    path.write_text(json.dumps(beginning) + "\n", encoding="utf-8")
    left = threading.Event()
    thread = threading.Thread(target=_beat, args=(path, left, os.getppid()), daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
        path.unlink(missing_ok=True)


def is_beating(folder: Path) -> bool:
    """Whether a process trains this job now."""
    path = folder / RUNNING
    try:
        if time.time() - path.stat().st_mtime > SILENCE_SECONDS:
            return False
        values = json.loads(path.read_text(encoding="utf-8"))
        return values["host"] != socket.gethostname() or _is_alive(int(values["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def beginning_of(folder: Path) -> tuple[float, int]:
    """When the process that trains this job began, in seconds since 1970, and the epochs finished before.

    Raises OSError, ValueError or KeyError where it has ended meanwhile.
    """
    values = json.loads((folder / RUNNING).read_text(encoding="utf-8"))
    return float(values["since"]), int(values["epoch"])


def was_left(folder: Path) -> bool:
    """Whether a process began this job and was killed."""
    return (folder / RUNNING).exists() and not is_beating(folder)


def _beat(path: Path, left: threading.Event, parent: int) -> None:
    while not left.wait(BEAT_SECONDS):
        if os.getppid() != parent:
            os._exit(1)
        try:
            path.touch()
        except OSError:  # a full disk is for the training to report
            continue


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
