"""A network and its card, to and from a model folder."""

from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..networks.architecture import Architecture, build_network
from .bundle import write_bundle_configs
from .model_card import WEIGHTS_NAME, ModelCard, ModelError
from .prediction import new_folder


@dataclass(frozen=True)
class Model:
    """A network with the weights of its card, in evaluation mode, on the CPU."""

    card: ModelCard
    network: nn.Module


def load_model(folder: Path | str) -> Model:
    """Raises ModelError: those of `ModelCard.read`, and wrong_weights."""
    folder = Path(folder)
    card = ModelCard.read(folder)
    try:
        architecture = Architecture.from_dict(dict(card.architecture))
        _check_fit(architecture, card)
        network = build_network(architecture)
        network.load_state_dict(load_file(folder / WEIGHTS_NAME))
    except (safetensors.SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            "wrong_weights",
            f"The weights of {folder.name} do not fit the architecture in its card ({str(error).splitlines()[0]}).",
            "Export the model again, with this version.",
        ) from error
    return Model(card, network.eval())


def save_model(folder: Path | str, network: nn.Module, card: ModelCard, readme: str, half: bool = False) -> None:
    """Writes a whole model folder, or nothing. half: what was learned as float16, half the size; constants stay whole.

    Raises OutputError when the folder cannot be written or holds something else.
    """
    learned = {name for name, _ in network.named_parameters()} if half else set()
    tensors = {name: _stored(tensor, name in learned) for name, tensor in network.state_dict().items()}
    with new_folder(folder, replaces=WEIGHTS_NAME) as temporary:
        save_file(tensors, temporary / WEIGHTS_NAME, metadata={"format": "pt"})
        (temporary / WEIGHTS_NAME).chmod(0o644)  # safetensors leaves it to its owner alone
        write_bundle_configs(temporary / "configs", card)
        (temporary / "README.md").write_text(readme, encoding="utf-8")
        card.write(temporary)


def _check_fit(architecture: Architecture, card: ModelCard) -> None:
    """Raises ValueError where the network and what is around it disagree."""
    spec = card.preprocessing
    pairs = {
        "classes": (architecture.classes, len(card.classes)),
        "grid": (tuple(architecture.grid), tuple(spec.grid)),
        "stride": (architecture.stride, spec.feature_stride),
    }
    if architecture.network == "student":
        pairs["tracers"] = (architecture.tracers, card.tracers)
    for name, (network, rest) in pairs.items():
        if network != rest:
            raise ValueError(f"{name}: the network has {network}, the card {rest}")


def _stored(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if half else tensor
