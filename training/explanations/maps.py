"""Attention maps of a network for a class: REACT-KD's and those it is compared with.

Each takes a network in evaluation mode with a linear `head` on the average of its fused map, a batch of B cases and
the class (B,) int64 that is asked about, and returns (B, d, h, w) float32 on the grid of the fused map. Higher is more
attention; the scales of two methods do not compare.
"""

from copy import deepcopy
from itertools import product

import torch
from monai.visualize import GradCAM
from torch import Tensor, nn

from REACTKDLib.networks.attribution import attribute, centre_head
from REACTKDLib.networks.batch import ModalityBatch
from REACTKDLib.networks.head import classify

from .erasing import erased

WINDOW = 2
"""Voxels of the fused map that an occluding block is wide: a forward pass for each block."""


@torch.no_grad()
def react_kd_map(network: nn.Module, batch: ModalityBatch, classes: Tensor) -> Tensor:
    """w_c·F(x) / |Ω| with the centred head; signed.

    Its sum and the centred bias are the logit less the mean over classes.
    """
    features = network(batch).features
    nowhere = features.new_zeros(len(features), 0, *features.shape[2:])
    return _of_class(attribute(features, nowhere, centre_head(network.head)).voxels, classes)


@torch.no_grad()
def node_attention_map(network: nn.Module, batch: ModalityBatch, classes: Tensor, regions: Tensor) -> Tensor:
    """Each region filled with its node's attention, as Slicer shows it; zero outside of all; signed.

    regions: (B, R, d, h, w), soft masks on the grid of the fused map; a voxel of several has its share of each.
    """
    nodes = attribute(network(batch).features, regions, centre_head(network.head)).nodes
    of_class = nodes[torch.arange(len(nodes), device=nodes.device), :, classes]
    return torch.einsum("br,brdhw->bdhw", of_class, regions.float())


def grad_cam_map(network: nn.Module, batch: ModalityBatch, classes: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju 2017) of the fused map, by MONAI; not negative.

    Behind the fused map there is a mean and a linear head: this is the positive part of w_c·F(x) / |Ω|, with the
    head as it is rather than centred.
    """
    with torch.no_grad():
        features = network(batch).features.float()
    cam = GradCAM(_ClassScore(network.head, classes), target_layers="fused")
    with torch.enable_grad():
        return cam.compute_map(features.requires_grad_(), class_idx=0).squeeze(1).detach()


@torch.no_grad()
def occlusion_map(network: nn.Module, batch: ModalityBatch, classes: Tensor, window: int = WINDOW) -> Tensor:
    """How far the logit, less the classes' mean, falls when a block of the input is erased; signed (Zeiler 2014).

    Blocks do not overlap: all voxels of one have the same value.
    """
    whole = network(batch)
    before = _centred(whole.logits, classes)
    falls = torch.zeros(len(before), *whole.features.shape[2:], device=before.device)
    for corner in product(*(range(0, size, window) for size in falls.shape[1:])):
        block = (slice(None), *(slice(start, start + window) for start in corner))
        where = torch.zeros_like(falls, dtype=torch.bool)
        where[block] = True
        after = _centred(network(erased(batch, where)).logits, classes)
        falls[block] = (before - after)[:, None, None, None]
    return falls


@torch.no_grad()
def attention_transfer_map(network: nn.Module, batch: ModalityBatch, classes: Tensor) -> Tensor:
    """mean_c F_c², what attention transfer distils (Zagoruyko 2017): the same for every class."""
    return network(batch).features.float().square().mean(1)


class _ClassScore(nn.Module):
    """The logit of each case's own class, from the fused map.

    MONAI hooks the layer `fused`, asks for one class of all cases and clears gradients. It is given this module, which
    has its own head, so that nothing of it stays on the network; and the last fused map of a teacher's forward pass is
    a branch's, so that a hook there would read the wrong one.
    """

    def __init__(self, head: nn.Linear, classes: Tensor):
        super().__init__()
        self.fused = nn.Identity()
        self.head = deepcopy(head).requires_grad_(False)
        self.classes = classes

    def forward(self, features: Tensor) -> Tensor:
        return classify(self.head, self.fused(features)).gather(1, self.classes[:, None])


def _of_class(values: Tensor, classes: Tensor) -> Tensor:
    """values: (B, K, ...). Returns (B, ...), of each case's class."""
    return values[torch.arange(len(classes), device=values.device), classes]


def _centred(logits: Tensor, classes: Tensor) -> Tensor:
    """(B,): the class's logit less the mean of all."""
    return _of_class(logits - logits.mean(1, keepdim=True), classes)
