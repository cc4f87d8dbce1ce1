import subprocess
import sys

import pytest
import torch
from monai.networks.nets import segresnet_ds
from torch import nn

from REACTKDLib.networks.segresnet import SegResEncoder


def monai_encoder(channels, filters, blocks) -> nn.Module:
    return segresnet_ds.SegResEncoder(
        in_channels=channels, init_filters=filters, blocks_down=blocks, norm="instance", act="relu"
    )


@pytest.mark.parametrize(("channels", "filters", "blocks"), [(3, 8, (1, 2, 2, 4)), (2, 4, (2, 1)), (1, 3, (1,))])
def test_weights_have_the_names_shapes_and_first_values_of_monai(channels, filters, blocks):
    torch.manual_seed(1)
    expected = monai_encoder(channels, filters, blocks).state_dict()
    torch.manual_seed(1)
    found = SegResEncoder(channels, filters, blocks).state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("grid", [(8, 16, 16), (7, 10, 13)])
def test_maps_and_gradients_are_those_of_monai(grid):
    theirs = monai_encoder(3, 4, (1, 2, 1))
    for norm in (module for module in theirs.modules() if isinstance(module, nn.InstanceNorm3d)):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    ours = SegResEncoder(3, 4, (1, 2, 1))
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, *grid)
    pairs = list(zip(ours(images), theirs(images), strict=True))
    for found, expected in pairs:
        torch.testing.assert_close(found, expected)
    sum(found.square().mean() for found, _ in pairs).backward()
    sum(expected.square().mean() for _, expected in pairs).backward()
    for found, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad)


def test_a_student_is_built_and_runs_without_monai():
    code = (
        "import sys, torch; from REACTKDLib.networks.architecture import Architecture, build_network;"
        "from REACTKDLib.networks.batch import ModalityBatch;"
        "network = build_network(Architecture(network='student', init_filters=4, width=16));"
        "network(ModalityBatch({'ct': torch.zeros(1, 3, 16, 16, 16)}, {'ct': torch.tensor([True])}));"
        "print('monai' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert said == "False"
