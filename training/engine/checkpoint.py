"""A training's whole state in one file, replaced after every epoch: killed at any moment, the last one is whole."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .differences import differences
from .errors import TrainingError

NAME = "checkpoint.pt"


def write_checkpoint(folder: Path, state: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """identity: what the training is of; plain values. Raises TrainingError not_written; the one before then stays."""
    temporary = folder / f".{NAME}"
    try:
        with temporary.open("wb") as file:
            torch.save({"identity": dict(identity), "state": dict(state)}, file)
            file.flush()
            os.fsync(file.fileno())  # else a power cut can leave the new name and no content
        temporary.replace(folder / NAME)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        # Where the disk is full, torch's writer fails over what it has not written, and the reason comes before.
        reason = getattr(error.__context__, "strerror", None) or getattr(error, "strerror", None) or error
        raise TrainingError(
            "not_written",
            f"The checkpoint in {folder} cannot be written ({reason}).",
            "Free some space and start the same command again: it goes on from the epoch before.",
        ) from error


def read_checkpoint(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state, or None where there is none yet. Raises TrainingError: broken_checkpoint, other_settings."""
    path = folder / NAME
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        found, state = content["identity"], content["state"]
    except Exception as error:  # a damaged file raises whatever the unpickler meets first
        raise TrainingError(
            "broken_checkpoint",
            f"The checkpoint {path} cannot be read ({type(error).__name__}).",
            f"Delete {folder} to train this network from the start.",
        ) from error
    if lines := differences(found, identity, "the checkpoint"):
        raise TrainingError(
            "other_settings",
            f"The checkpoint {path} is of other settings:\n" + "\n".join(f"  {line}" for line in lines),
            f"Go back to those settings, give the run another name, or delete {folder}.",
        )
    return state
