import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.training.methods.batches import reaches_the_student_alone, two_maps
from training.methods.at import attention_transfer_loss


def test_it_equals_the_written_out_loop():
    student, teacher = two_maps(5, 7)
    expected = 0.0
    for s, t in zip(student.detach().numpy(), teacher.detach().numpy(), strict=True):
        maps = []
        for features in (s, t):
            attention = np.array([np.mean(features[:, z, y, x] ** 2) for z, y, x in np.ndindex(features.shape[1:])])
            maps.append(attention / np.sqrt((attention**2).sum()))
        expected += ((maps[0] - maps[1]) ** 2).mean() / len(student)
    assert float(attention_transfer_loss(student, teacher).detach()) == pytest.approx(expected, abs=1e-6)
    assert expected > 1e-3


def test_it_is_zero_where_both_are_the_same():
    student, _ = two_maps()
    assert float(attention_transfer_loss(student, student).detach()) == 0


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(5)), st.floats(0.1, 10))
def test_neither_the_order_of_the_channels_nor_the_scale_of_a_map_matters(order, scale):
    student, teacher = two_maps()
    same = attention_transfer_loss(scale * student[:, list(order)], teacher)
    torch.testing.assert_close(same, attention_transfer_loss(student, teacher))


def test_its_gradient_reaches_the_student_alone():
    assert reaches_the_student_alone(attention_transfer_loss, *two_maps())
