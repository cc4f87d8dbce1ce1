import numpy as np
import pytest

from Testing.training.methods.batches import reaches_the_student_alone, two_maps
from training.methods.fitnets import hint_loss


def test_it_equals_the_written_out_mean():
    student, teacher = two_maps()
    expected = np.mean((student.detach().numpy() - teacher.detach().numpy()) ** 2)
    assert float(hint_loss(student, teacher).detach()) == pytest.approx(expected, abs=1e-6)


def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = two_maps()
    assert float(hint_loss(teacher, teacher).detach()) == 0
    assert reaches_the_student_alone(hint_loss, student, teacher)
