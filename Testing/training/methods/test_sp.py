import numpy as np
import pytest
import torch

from Testing.training.methods.batches import architectures, random_batch, reaches_the_student_alone, two_maps
from training.methods.sp import SimilarityPreserving, similarity_preserving_loss


def test_it_equals_the_written_out_loop():
    student, teacher = two_maps(5, 7, cases=4)
    rows = []
    for maps in (student, teacher):
        vectors = maps.detach().numpy().reshape(4, -1)
        similarities = np.array([[a @ b for b in vectors] for a in vectors])
        rows.append(similarities / np.sqrt((similarities**2).sum(1, keepdims=True)))
    expected = ((rows[0] - rows[1]) ** 2).sum() / 4**2
    assert float(similarity_preserving_loss(student, teacher).detach()) == pytest.approx(expected, abs=1e-6)


def test_agreement_up_to_scale_costs_nothing_and_the_gradient_reaches_the_student_alone():
    student, teacher = two_maps()
    assert float(similarity_preserving_loss(3 * teacher, teacher).detach()) == pytest.approx(0, abs=1e-12)
    assert reaches_the_student_alone(similarity_preserving_loss, student, teacher)


def test_the_order_of_the_channels_does_not_matter():
    student, teacher = two_maps()
    same = similarity_preserving_loss(student.flip(1), teacher)
    torch.testing.assert_close(same, similarity_preserving_loss(student, teacher))


def test_the_weight_is_the_published_one_for_the_published_batch_and_follows_the_batch():
    batch = random_batch()
    cases = len(batch.labels)
    loss = similarity_preserving_loss(batch.student.features, batch.teacher.features)
    method = SimilarityPreserving(*architectures((4, 6, 6), (4, 6, 6), (16, 16)))
    torch.testing.assert_close(method(batch)["sp"], 3000 * cases / 64 * loss)


def test_small_batches_weigh_about_as_much_as_large_ones():
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(64, 8, 2, 3, 3, generator=generator) + 1 for _ in range(2))
    of_batch = {
        cases: sum(
            similarity_preserving_loss(a, b) for a, b in zip(student.split(cases), teacher.split(cases), strict=True)
        )
        for cases in (8, 64)
    }
    small, large = (cases / 64 * float(of_batch[cases]) / (64 // cases) for cases in (8, 64))
    assert 0.5 < small / large < 2
