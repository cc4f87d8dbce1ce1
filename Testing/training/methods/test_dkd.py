import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from Testing.training.methods.batches import (
    architectures,
    random_batch,
    reaches_the_student_alone,
    two_predictions,
)
from training.losses.distillation import distillation_loss
from training.methods.dkd import Decoupled, other_classes_loss, target_class_loss

LABELS = torch.tensor([0, 2, 1, -1])
LOSSES = [target_class_loss, other_classes_loss]


def test_both_equal_the_written_out_loops():
    student, teacher = two_predictions()
    target = others = 0.0
    for case in range(3):
        label = int(LABELS[case])
        q, p = (softmax(x[case].detach().numpy() / 4) for x in (student, teacher))
        target += 16 * rel_entr([p[label], 1 - p[label]], [q[label], 1 - q[label]]).sum() / 3
        p, q = (np.delete(x, label) / np.delete(x, label).sum() for x in (p, q))
        others += 16 * rel_entr(p, q).sum() / 3
    given = student, teacher, LABELS, 4.0
    assert float(target_class_loss(*given).detach()) == pytest.approx(target, abs=1e-6)
    assert float(other_classes_loss(*given).detach()) == pytest.approx(others, abs=1e-6)


def test_together_they_make_up_kd():
    # KL = TCKD + (1 − p_y) NCKD, the paper's equation 6, case by case.
    student, teacher = two_predictions(1)
    for label in range(3):
        given = student, teacher, torch.tensor([label]), 2.0
        rest = 1 - float((teacher / 2).softmax(1)[0, label].detach())
        total = target_class_loss(*given) + rest * other_classes_loss(*given)
        kd = distillation_loss(student, teacher, 2.0)
        assert float(total.detach()) == pytest.approx(float(kd.detach()), abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone(loss):
    student, teacher = two_predictions()
    assert float(loss(teacher + 3, teacher, LABELS, 4.0).detach()) == pytest.approx(0, abs=1e-12)
    assert reaches_the_student_alone(lambda s, t: loss(s, t, LABELS, 4.0), student, teacher)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_certain_teacher_stays_finite(loss):
    student, _ = two_predictions()
    teacher = torch.eye(3, dtype=torch.float64)[[0, 2, 1, 1]] * 1e4
    value = loss(student, teacher, LABELS, 4.0)
    value.backward()
    assert value.isfinite()
    assert student.grad.isfinite().all()


def test_the_weight_rises_over_the_first_batches():
    method = Decoupled(*architectures((4, 6, 6), (4, 6, 6), (16, 16)), Decoupled.Options(warm_up=4))
    values = [float(method(random_batch())["others"].detach()) for _ in range(6)]
    np.testing.assert_allclose(np.divide(values, values[-1]), [0.25, 0.5, 0.75, 1, 1, 1], atol=1e-6)
