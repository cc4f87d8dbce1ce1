import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax

from training.losses.distillation import distillation_loss

logits = st.lists(st.floats(-8, 8), min_size=6, max_size=6).map(lambda values: torch.tensor(values).view(2, 3))


def test_it_equals_the_written_out_example():
    # At T = 2 the teacher says 1/2, 1/4, 1/4, the student a third each.
    teacher, student = torch.tensor([[2 * math.log(2), 0.0, 0.0]]), torch.zeros(1, 3)
    divergence = 0.5 * math.log(3 / 2) + 0.5 * math.log(3 / 4)
    assert float(distillation_loss(student, teacher)) == pytest.approx(4 * divergence, abs=1e-6)


@settings(deadline=None)
@given(logits, logits, st.floats(0.5, 8))
def test_it_equals_the_relative_entropy_scipy_gives(student, teacher, temperature):
    p, q = (softmax(scores.double().numpy() / temperature, axis=1) for scores in (teacher, student))
    expected = temperature**2 * rel_entr(p, q).sum(1).mean()
    assert float(distillation_loss(student, teacher, temperature)) == pytest.approx(expected, rel=1e-4, abs=2e-5)


@settings(deadline=None)
@given(logits, st.floats(-5, 5))
def test_it_is_zero_where_both_say_the_same_whatever_all_classes_share(scores, common):
    assert float(distillation_loss(scores + common, scores)) == pytest.approx(0, abs=1e-5)


def test_its_gradient_reaches_the_student_and_not_the_teacher():
    torch.manual_seed(0)
    student, teacher = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    distillation_loss(student, teacher).backward()
    assert float(student.grad.norm()) > 0
    assert teacher.grad is None


def test_certain_logits_stay_finite():
    student = torch.tensor([[1000.0, 0, 0]], requires_grad=True)
    loss = distillation_loss(student, torch.tensor([[0, 1000.0, 0]]))
    loss.backward()
    assert torch.isfinite(loss)
    assert student.grad.isfinite().all()
