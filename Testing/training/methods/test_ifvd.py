import numpy as np
import pytest
import torch

from Testing.training.methods.batches import GRID, reaches_the_student_alone, two_maps
from training.methods.ifvd import feature_variation_loss


def soft_classes() -> torch.Tensor:
    return torch.rand(3, 3, *GRID, generator=torch.Generator().manual_seed(0), dtype=torch.float64).softmax(1)


def variation(features: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Of one case: (C, N) and (k, N)."""
    prototypes = [sum(w * f for w, f in zip(row, features.T, strict=True)) / row.sum() for row in classes]
    cosines = []
    for voxel, weights in zip(features.T, classes.T, strict=True):
        centre = sum(w * p for w, p in zip(weights, prototypes, strict=True))
        cosines.append(voxel @ centre / np.linalg.norm(voxel) / np.linalg.norm(centre))
    return np.array(cosines)


@pytest.mark.parametrize("hard", [True, False])
def test_it_equals_the_written_out_loop(hard):
    student, teacher = two_maps(5, 7)
    classes = soft_classes()
    if hard:
        classes = torch.nn.functional.one_hot(classes.argmax(1), 3).movedim(-1, 1).double()
    maps = [x.detach().flatten(2).numpy() for x in (student, teacher, classes)]
    differences = [variation(s, k) - variation(t, k) for s, t, k in zip(*maps, strict=True)]
    loss = feature_variation_loss(student, teacher, classes)
    assert float(loss.detach()) == pytest.approx(np.mean(np.square(differences)), abs=1e-6)


def test_agreement_up_to_scale_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = two_maps()
    classes = soft_classes()
    assert float(feature_variation_loss(3 * teacher, teacher, classes).detach()) == pytest.approx(0, abs=1e-12)
    assert reaches_the_student_alone(lambda s, t: feature_variation_loss(s, t, classes), student, teacher)


def test_a_tissue_that_a_case_lacks_changes_nothing():
    student, teacher = two_maps()
    two = torch.cat([soft_classes()[:, :1], 1 - soft_classes()[:, :1]], 1)
    three = torch.cat([two, torch.zeros(3, 1, *GRID)], 1)
    with_empty = feature_variation_loss(student, teacher, three)
    torch.testing.assert_close(with_empty, feature_variation_loss(student, teacher, two))
