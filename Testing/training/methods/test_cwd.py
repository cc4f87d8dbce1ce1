import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax

from Testing.training.methods.batches import reaches_the_student_alone, two_maps
from training.methods.cwd import channel_wise_loss


def test_it_equals_the_written_out_loop():
    student, teacher = two_maps()
    expected = 0.0
    for case in range(3):
        for channel in range(5):
            q, p = (softmax(x[case, channel].detach().numpy().ravel() / 4) for x in (student, teacher))
            expected += 16 * rel_entr(p, q).sum() / 15
    assert float(channel_wise_loss(student, teacher, 4.0).detach()) == pytest.approx(expected, abs=1e-6)


@given(st.floats(-5, 5))
def test_it_is_zero_where_channels_differ_by_a_constant_alone(shift):
    _, teacher = two_maps()
    assert float(channel_wise_loss(teacher + shift, teacher, 4.0).detach()) == pytest.approx(0, abs=1e-10)


def test_its_gradient_reaches_the_student_alone():
    assert reaches_the_student_alone(lambda s, t: channel_wise_loss(s, t, 4.0), *two_maps())


def test_reordering_the_channels_of_both_changes_nothing():
    student, teacher = two_maps()
    same = channel_wise_loss(student.flip(1), teacher.flip(1), 4.0)
    torch.testing.assert_close(same, channel_wise_loss(student, teacher, 4.0))
