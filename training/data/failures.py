"""Why an entry of the cache could not be made, in words that name a case by nothing but its name."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.imaging.roles import ROLE_NAMES
from REACTKDLib.inference.case_files import CaseFiles

from ..cohorts.errors import CohortError


@dataclass(frozen=True)
class Failure:
    """code, message: of the error. Comes from another process, which an exception of ours does not survive."""

    case: str
    code: str
    message: str

    @classmethod
    def of(cls, files: CaseFiles, error: Exception) -> "Failure":
        if isinstance(error, ReactKDError):
            return cls(files.name, error.code, _without_paths(str(error), files))
        return cls(files.name, "internal", _without_paths(f"{type(error).__name__}: {error}", files))

    def __str__(self) -> str:
        return f"{self.case}: {self.code}: {self.message}"


def cases_failed(failures: Sequence[Failure], total: int) -> CohortError:
    lines = "\n".join(map(str, sorted(failures, key=lambda failure: failure.case)))
    return CohortError(
        "cases_failed",
        f"{len(failures)} of {total} cases cannot be preprocessed:\n{lines}\n",
        "Correct these or take them out of the manifest, and start again: the other cases are done and are kept.",
    )


def cannot_write(folder: Path, error: OSError) -> CohortError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return CohortError(
        "output_not_writable",
        f"The cache cannot be written to {folder}: {reason}.",
        "Free some space or choose another folder, and start again: what is done is kept.",
    )


def process_ended(done: int, total: int) -> CohortError:
    return CohortError(
        "worker_killed",
        f"The system ended a process while it preprocessed a case; memory may have run out. {done} of {total} cases "
        "are done.",
        "Free some memory or use fewer jobs, and start again: what is done is kept.",
    )


def _without_paths(text: str, files: CaseFiles) -> str:
    """Without the names of files and folders, which can hold a patient's."""
    for role, path in files.paths.items():
        names = f"{re.escape(str(path))}|{re.escape(Path(path).name)}"
        text = re.sub(rf"({ROLE_NAMES[role]}(?: folder)?) (?:{names})(?!\w)", r"\1", text)
        text = text.replace(str(path), f"({ROLE_NAMES[role]})")
    return text
