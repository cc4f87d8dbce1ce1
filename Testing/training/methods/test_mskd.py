import numpy as np
import pytest
import torch

from Testing.training.methods.batches import reaches_the_student_alone, two_maps
from training.methods.mskd import filtered_feature_loss, patch_node_loss


def test_filtered_features_equal_the_written_out_loop():
    student, teacher = two_maps()
    s, t = student.detach().numpy(), teacher.detach().numpy()
    expected = 0.0
    for case in range(len(s)):
        places = list(np.ndindex(s.shape[2:]))
        attention = {place: np.mean(t[(case, slice(None), *place)] ** 2) for place in places}
        mean = np.mean(list(attention.values()))
        for place in places:
            difference = s[(case, slice(None), *place)] - t[(case, slice(None), *place)]
            expected += attention[place] / mean * np.mean(difference**2) / len(places) / len(s)
    assert float(filtered_feature_loss(student, teacher).detach()) == pytest.approx(expected, abs=1e-6)


def test_patch_nodes_equal_the_written_out_example():
    student, teacher = torch.tensor([[[1.0, 2.0], [0.0, 0.0]]]), torch.tensor([[[0.0, 2.0], [2.0, 1.0]]])
    assert float(patch_node_loss(student, teacher)) == pytest.approx((1 + 0 + 4 + 1) / 4)


@pytest.mark.parametrize("loss", [filtered_feature_loss, patch_node_loss])
def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone(loss):
    student, teacher = two_maps()
    assert float(loss(teacher, teacher).detach()) == 0
    assert reaches_the_student_alone(loss, student, teacher)


def test_where_the_teacher_does_not_look_a_difference_costs_nothing():
    student, teacher = two_maps()
    teacher = teacher.detach().clone()
    teacher[..., 0] = 0
    moved = student.detach().clone()
    moved[..., 0] += 5
    torch.testing.assert_close(filtered_feature_loss(moved, teacher), filtered_feature_loss(student.detach(), teacher))
