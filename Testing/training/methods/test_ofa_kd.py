import numpy as np
import pytest
import torch
from scipy.special import entr, softmax

from Testing.training.methods.batches import reaches_the_student_alone, two_predictions
from training.methods.ofa_kd import one_for_all_loss

LABELS = torch.tensor([0, 2, 1, -1])


@pytest.mark.parametrize("epsilon", [1.0, 1.5])
def test_it_equals_the_written_out_loop(epsilon):
    student, teacher = two_predictions()
    expected = 0.0
    for case in range(4):
        q, p = (softmax(x[case].detach().numpy() / 2) for x in (student, teacher))
        y = [float(c == int(LABELS[case])) for c in range(3)]
        expected -= sum(((p[c] + y[c]) ** epsilon - y[c]) * np.log(q[c]) for c in range(3)) / 4
    loss = one_for_all_loss(student, teacher, LABELS, epsilon, 2.0)
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-6)


def test_at_its_plainest_the_minimum_is_the_entropy_of_the_teacher_where_both_agree():
    _, teacher = two_predictions()
    student = teacher.detach().clone().requires_grad_()
    loss = one_for_all_loss(student, teacher, LABELS, 1.0, 1.0)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(entr(softmax(teacher.detach().numpy(), 1)).sum(1).mean(), abs=1e-9)
    assert float(student.grad.abs().max()) == pytest.approx(0, abs=1e-12)


def test_its_gradient_reaches_the_student_alone():
    assert reaches_the_student_alone(lambda s, t: one_for_all_loss(s, t, LABELS, 1.5, 1.0), *two_predictions())


def test_a_larger_exponent_pulls_harder_towards_the_grade():
    pulls = []
    for epsilon in (1.0, 1.5):
        student = torch.zeros(1, 3, requires_grad=True)
        one_for_all_loss(student, torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0]), epsilon, 1.0).backward()
        pulls.append(-float(student.grad[0, 0]))
    assert 0 < pulls[0] < pulls[1]
