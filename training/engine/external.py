"""What a network says of another cohort, whose cases no fold has."""

from pathlib import Path

import torch
from torch import nn

from ..evaluation.entries import EXTERNAL
from ..evaluation.predictions import Predictions, join, read_predictions, write_predictions
from ..evaluation.run_folder import PREDICTIONS
from .cases import Cases
from .measuring import evaluations, predict, tracers_read
from .results import read_result


def predict_external(network: nn.Module, cases: Cases, device: torch.device) -> Predictions:
    """All cases of `cases.external`, at its doses, with those of the network's tracers that it has."""
    architecture, external = network.architecture, cases.external
    read = tracers_read(architecture, cases.tracers)
    tracers = [tracer for tracer in read if tracer in external.tracers]
    measured = evaluations(architecture.network, tracers, external.levels)
    return predict(network, external, {EXTERNAL: external.test}, measured, device)


def add_external(folder: Path, cases: Cases, device: torch.device) -> None:
    """To the predictions of a network that was trained before there was an external cohort.

    Raises TrainingError not_trained, and EvaluationError: missing_file, bad_predictions, output_not_writable.
    """
    network = read_result(folder).network.to(device)
    earlier = read_predictions(folder / PREDICTIONS)
    write_predictions(folder / PREDICTIONS, join([earlier, predict_external(network, cases, device)]))
