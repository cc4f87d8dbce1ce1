"""Small models with random weights, for tests that need a model but not what it learned."""

from dataclasses import replace
from pathlib import Path

import torch

from REACTKDLib.imaging.spec import PreprocessingSpec
from REACTKDLib.inference.model_card import ModelCard
from REACTKDLib.inference.model_folder import save_model
from REACTKDLib.networks.architecture import Architecture, build_network

STUDENT = Architecture(network="student", grid=(16, 32, 32), width=16, init_filters=4, tracers=("fdg", "act"))
TEACHER = Architecture(network="teacher", grid=(16, 32, 32), width=16, feature_size=12)
CLASSES = ("Well differentiated", "Moderately differentiated", "Poorly differentiated")


def card_for(architecture: Architecture, **changes) -> ModelCard:
    card = ModelCard(
        name="random weights",
        version="1",
        architecture=architecture.to_dict(),
        preprocessing=PreprocessingSpec(grid=architecture.grid),
        classes=CLASSES,
        tracers=architecture.tracers if architecture.network == "student" else ("fdg", "act"),
        temperature=1.5,
        abstain_below=0.4,
        training={"data": "nothing: the weights are random", "phantoms": True},
        metrics={},
        intended_use="Tests.",
    )
    return replace(card, **changes)


def write_random_model(folder: Path, architecture: Architecture = STUDENT, seed: int = 0, **changes) -> Path:
    """Weights large enough that grades differ from case to case."""
    torch.manual_seed(seed)
    network = build_network(architecture)
    with torch.no_grad():
        network.head.weight.mul_(20)
    save_model(folder, network, card_for(architecture, **changes), "Random weights, for tests.")
    return folder
