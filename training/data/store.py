"""Entries of a cache on disk: each a safetensors file, and a record that says what it was made from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from .entry import CachedCase


class State(Enum):
    """What there is of an entry."""

    WHOLE = "whole"
    ABSENT = "absent"
    OUTDATED = "outdated"
    """Made from other files, or with other settings."""
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Record:
    """fingerprint: of what the entry was made from. sha256: of its file. findings: codes of what is doubtful."""

    fingerprint: str
    sha256: str
    findings: tuple[str, ...]


def entry_path(folder: Path, case: str) -> Path:
    return folder / f"{case}.safetensors"


def record_path(folder: Path, case: str) -> Path:
    return folder / f"{case}.json"


def write_entry(folder: Path, case: str, entry: CachedCase, fingerprint: str, findings: Sequence[str]) -> None:
    """The record comes last: an entry counts only with it. Raises OSError; an earlier entry is then still there."""
    content = entry.to_bytes()
    record = Record(fingerprint, hashlib.sha256(content).hexdigest(), tuple(findings))
    contents = {
        entry_path(folder, case): content,
        record_path(folder, case): (json.dumps(asdict(record), indent=2) + "\n").encode(),
    }
    temporaries = {path: path.with_name(f".{path.name}") for path in contents}
    try:
        for path, temporary in temporaries.items():
            temporary.write_bytes(contents[path])
        # Killed between the two renames, there must be no record of the earlier entry beside the new one.
        record_path(folder, case).unlink(missing_ok=True)
        for path, temporary in temporaries.items():
            temporary.replace(path)
    except OSError:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
        raise


def read_record(folder: Path, case: str) -> Record:
    """Raises OSError where there is none, ValueError where it is damaged."""
    values = json.loads(record_path(folder, case).read_bytes())
    if not isinstance(values, dict) or set(values) != set(Record.__dataclass_fields__):
        raise ValueError("not a record")
    return Record(**{**values, "findings": tuple(values["findings"])})


def read_entry(folder: Path, case: str, fingerprint: str) -> tuple[State, bytes]:
    """What there is of an entry made from just this, and its file's content where that is whole."""
    try:
        record = read_record(folder, case)
    except FileNotFoundError:
        return State.ABSENT, b""
    except (OSError, ValueError, TypeError):
        return State.DAMAGED, b""
    if record.fingerprint != fingerprint:
        return State.OUTDATED, b""
    try:
        content = entry_path(folder, case).read_bytes()
    except OSError:
        return State.DAMAGED, b""
    if hashlib.sha256(content).hexdigest() != record.sha256:
        return State.DAMAGED, b""
    return State.WHOLE, content
