"""Why a job failed, kept in its folder until it is started again."""

import json
from collections.abc import Mapping
from pathlib import Path

FAILED = "failed.json"


def keep_failure(folder: Path, error: Mapping[str, str]) -> None:
    """error: code, message and hint."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FAILED).write_text(json.dumps(dict(error), indent=2) + "\n", encoding="utf-8")
    except OSError:  # most likely the disk is full, which is what failed and is said anyway
        return


def forget_failure(folder: Path) -> None:
    (folder / FAILED).unlink(missing_ok=True)


def failure_of(folder: Path) -> dict[str, str] | None:
    try:
        return json.loads((folder / FAILED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
