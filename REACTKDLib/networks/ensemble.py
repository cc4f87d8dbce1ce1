"""Several networks as one, whose logits are the mean of theirs."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import torch
from torch import Tensor, nn

from ..imaging.spec import REPRESENTATIONS
from .architecture import Architecture, build_network
from .batch import ModalityBatch, NetworkOutput
from .head import classify

CT_IMAGES = ("ct", "dose")
"""What is standardised with the constants of a cohort; a PET is, with its own."""


class Ensemble(nn.Module):
    """The members' maps side by side, and one linear head on all of them: the mean of the members' logits.

    Pooling regions and sharing out the logits (method.md, section 7) is therefore as exact as for one network. Each
    member was trained with the CT constants of its own fold: the images come in those of the ensemble, and
    `ct_scale` and `ct_shift`, (M,), bring them back.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = architecture
        member = replace(architecture, members=1)
        self.members = nn.ModuleList(build_network(member) for _ in range(architecture.members))
        self.head = nn.Linear(architecture.members * architecture.width, architecture.classes)
        for network in self.members:
            # The ensemble's head holds theirs.
            network.head = nn.Identity()
        self.register_buffer("ct_scale", torch.ones(architecture.members))
        self.register_buffer("ct_shift", torch.zeros(architecture.members))

    def forward(self, batch: ModalityBatch) -> NetworkOutput:
        """Features (B, M·C, d, h, w), of a teacher's branches too; branch logits are the members' mean.

        Raises as a member does.
        """
        outputs = [
            member(_restandardised(batch, scale, shift))
            for member, scale, shift in zip(self.members, self.ct_scale, self.ct_shift, strict=True)
        ]
        features = torch.cat([output.features for output in outputs], 1)
        branch_logits = {
            branch: torch.stack([output.branch_logits[branch] for output in outputs]).mean(0)
            for branch in outputs[0].branch_logits
        }
        branch_features = {
            branch: torch.cat([output.branch_features[branch] for output in outputs], 1)
            for branch in outputs[0].branch_features
        }
        # The members read the same case.
        present = outputs[0].branch_present
        return NetworkOutput(classify(self.head, features), features, branch_logits, branch_features, present)


def make_ensemble(
    networks: Sequence[nn.Module], constants: Sequence[tuple[float, float]]
) -> tuple[Ensemble, tuple[float, float]]:
    """A copy of the networks as one, and the `ct_mean` and `ct_std` that its images are standardised with.

    constants: `ct_mean` and `ct_std` of each network, on the scale of [0, 1]. Raises ValueError with fewer than two
    networks, other than one pair of constants for each, networks built differently, or a std that is not positive.
    """
    if len(networks) < 2 or any(network.architecture != networks[0].architecture for network in networks):
        raise ValueError(f"make_ensemble: members are two or more networks built alike, not these {len(networks)}")
    if len(constants) != len(networks) or any(std <= 0 for _, std in constants):
        raise ValueError(
            f"make_ensemble: each of {len(networks)} members has a mean and a std above 0, not {constants}"
        )
    mean, std = (fmean(values) for values in zip(*constants, strict=True))
    ensemble = Ensemble(replace(networks[0].architecture, members=len(networks)))
    with torch.no_grad():
        for member, network in zip(ensemble.members, networks, strict=True):
            weights = network.state_dict()
            member.load_state_dict({name: value for name, value in weights.items() if not name.startswith("head.")})
        ensemble.head.weight.copy_(torch.cat([network.head.weight for network in networks], 1) / len(networks))
        ensemble.head.bias.copy_(torch.stack([network.head.bias for network in networks]).mean(0))
        ensemble.ct_scale.copy_(torch.tensor([std / own_std for _, own_std in constants]))
        ensemble.ct_shift.copy_(torch.tensor([(mean - own_mean) / own_std for own_mean, own_std in constants]))
    return ensemble.train(networks[0].training), (mean, std)


def _restandardised(batch: ModalityBatch, scale: Tensor, shift: Tensor) -> ModalityBatch:
    """The CT as a network knows it that was trained with other constants: scale · value + shift."""
    changed = {name: _with_constants(batch.images[name], scale, shift) for name in CT_IMAGES if name in batch.images}
    return ModalityBatch({**batch.images, **changed}, batch.present)


def _with_constants(images: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """images: (B, 3, D, H, W). `masked` stays 0 outside the liver; `lesion` was never standardised."""
    full, masked, lesion = (images[:, REPRESENTATIONS.index(name)] for name in ("full", "masked", "lesion"))
    changed = {
        "full": full * scale + shift,
        "masked": masked * scale + shift * (masked != 0),
        "lesion": lesion,
    }
    return torch.stack([changed[name] for name in REPRESENTATIONS], 1)
