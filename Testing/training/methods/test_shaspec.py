import numpy as np
import pytest
import torch

from Testing.training.methods.batches import reaches_the_student_alone, two_maps
from training.methods.shaspec import BOTH_MODALITIES, CT_ONLY, PET_ONLY, domains, shared_feature_loss

YES, NO = True, False


def test_shared_features_equal_the_written_out_mean():
    student, teacher = two_maps()
    expected = np.mean(np.abs(student.detach().numpy() - teacher.detach().numpy()))
    assert float(shared_feature_loss(student, teacher).detach()) == pytest.approx(expected, abs=1e-6)


def test_agreement_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = two_maps()
    assert float(shared_feature_loss(teacher, teacher).detach()) == 0
    assert reaches_the_student_alone(shared_feature_loss, student, teacher)


def test_a_domain_is_what_the_student_read_whichever_the_tracer():
    present = {
        "ct": torch.tensor([YES, NO, YES, YES]),
        "fdg": torch.tensor([NO, YES, YES, NO]),
        "act": torch.tensor([NO, NO, NO, YES]),
    }
    assert domains(present).tolist() == [CT_ONLY, PET_ONLY, BOTH_MODALITIES, BOTH_MODALITIES]


def test_a_student_without_tracers_reads_ct_alone():
    assert domains({"ct": torch.tensor([YES, YES])}).tolist() == [CT_ONLY, CT_ONLY]
