import torch

from Testing.training.methods.batches import GRID
from training.methods._tissues import TISSUES, tissue_classes


def test_tissues_are_background_liver_and_all_lesions_together():
    regions = torch.rand(2, 5, *GRID).softmax(1)[:, 1:]
    classes = tissue_classes(regions)
    assert classes.shape == (2, TISSUES, *GRID)
    torch.testing.assert_close(classes.sum(1), torch.ones(2, *GRID))
    torch.testing.assert_close(classes[:, 1], regions[:, 0])
    torch.testing.assert_close(classes[:, 2], regions[:, 1:].sum(1))
