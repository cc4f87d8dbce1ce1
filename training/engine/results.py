"""A trained network in its job's folder: weights, what it is, and what it said of the cases held out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.networks.architecture import Architecture, build_network

from ..evaluation.predictions import Predictions, write_predictions
from ..evaluation.run_folder import DONE, PREDICTIONS
from .errors import TrainingError

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Trained:
    """A network with linear heads, in evaluation mode, on the CPU; spec: its preprocessing; facts: of its training."""

    network: nn.Module
    spec: PreprocessingSpec
    facts: Mapping[str, Any]


def write_result(folder: Path, trained: Trained, predictions: Predictions) -> None:
    """`done.json` last. Raises TrainingError not_written."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in trained.network.state_dict().items()}
    values = {
        "architecture": trained.network.architecture.to_dict(),
        "preprocessing": trained.spec.to_dict(),
        **trained.facts,
    }
    temporary = folder / f".{DONE}"
    write_predictions(folder / PREDICTIONS, predictions)
    try:
        save_file(tensors, folder / WEIGHTS)
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        temporary.replace(folder / DONE)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            "not_written",
            f"The results in {folder} cannot be written ({error}).",
            "Free some space and start the same command again: what was trained is in its checkpoint.",
        ) from error


def read_result(folder: Path) -> Trained:
    """Raises TrainingError not_trained."""
    try:
        values = json.loads((folder / DONE).read_text(encoding="utf-8"))
        network = build_network(Architecture.from_dict(values.pop("architecture")))
        network.load_state_dict(load_file(folder / WEIGHTS))
        spec = PreprocessingSpec.from_dict(values.pop("preprocessing"))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise TrainingError(
            "not_trained",
            f"There is no whole trained network in {folder} ({str(error).splitlines()[0]}).",
            "Start the run again: it trains what is missing.",
        ) from error
    return Trained(network.eval(), spec, values)
