import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from REACTKDLib.networks.batch import NetworkOutput
from Testing.training.methods.batches import architectures, random_batch, random_tensor
from training.methods.crd import Contrastive, noise_contrastive_loss

GRID = (4, 6, 6)


def crd(**options) -> Contrastive:
    torch.manual_seed(0)
    return Contrastive(*architectures(GRID, GRID, (16, 16)), Contrastive.Options(**options))


def test_it_equals_the_written_out_loop():
    scores = random_tensor(3, 5, seed=0)
    positive = torch.eye(3, 5, dtype=torch.bool)
    negative = torch.tensor([[0, 1, 0, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)
    scale = scores.detach().exp().mean()
    expected = 0.0
    for case in range(2):
        h = [math.exp(score) / float(scale) for score in scores[case].tolist()]
        m = int(negative[case].sum())
        expected -= math.log(h[case] / (h[case] + m)) / 3
        expected -= sum(math.log(m / (h[j] + m)) for j in range(5) if negative[case, j]) / 3
    loss = noise_contrastive_loss(scores, positive, negative, scale)
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert float(gradient[2].abs().max()) == 0


def test_it_falls_to_zero_as_positives_rise_and_negatives_fall():
    positive, negative = torch.eye(3, dtype=torch.bool), ~torch.eye(3, dtype=torch.bool)
    apart = torch.where(positive, 50.0, -50.0)
    assert float(noise_contrastive_loss(apart, positive, negative, torch.tensor(1.0))) == pytest.approx(0, abs=1e-6)
    assert float(noise_contrastive_loss(-apart, positive, negative, torch.tensor(1.0))) > 50


def test_cosines_at_any_temperature_stay_finite():
    positive, negative = torch.eye(3, dtype=torch.bool), ~torch.eye(3, dtype=torch.bool)
    scores = torch.where(positive, -80.0, 80.0).requires_grad_()
    loss = noise_contrastive_loss(scores, positive, negative, scores.detach().exp().mean())
    loss.backward()
    assert loss.isfinite()
    assert scores.grad.isfinite().all()


def test_a_student_that_agrees_with_its_teacher_pays_less_than_one_that_agrees_with_another_case():
    batch, method = replace(random_batch(3), labels=torch.arange(3)), crd()
    method.embed_student.load_state_dict(method.embed_teacher.state_dict())
    losses = []
    for order in ([0, 1, 2], [1, 2, 0]):
        student = NetworkOutput(batch.student.logits, batch.teacher.features[order].detach())
        losses.append(float(method.eval()(replace(batch, student=student))["contrast"].detach()))
    assert losses[0] < losses[1]


def test_cases_of_one_grade_are_nobodys_negatives():
    terms = crd()(replace(random_batch(3), labels=torch.ones(3, dtype=torch.int64)))
    assert float(terms["contrast"].detach()) == 0


def test_a_case_without_a_grade_has_no_negatives_and_is_none():
    batch = random_batch(2)
    for labels in ([-1, 0], [0, -1], [-1, -1]):
        terms = crd()(replace(batch, labels=torch.tensor(labels)))
        assert float(terms["contrast"].detach()) == 0


def test_a_remembered_case_of_another_grade_is_a_negative_of_a_case_alone():
    method = crd()
    one = replace(random_batch(1), labels=torch.tensor([0]))
    assert float(method(one)["contrast"].detach()) == 0
    assert float(method(one)["contrast"].detach()) == 0
    assert float(method(replace(one, labels=torch.tensor([1])))["contrast"].detach()) > 0


@pytest.mark.parametrize("carries", [True, False])
def test_contrast_falls_below_that_of_equal_scores_where_the_student_carries_what_the_teacher_knows(carries):
    """Every case is met once, so that none can be known by heart; the student's channels are mixed, and have noise."""
    method, generator = crd(memory=60), torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(method.parameters(), lr=0.003)
    mixing = torch.randn(16, 16, generator=generator) / 4
    batch, losses = replace(random_batch(12), labels=torch.arange(12) % 3), []
    for _ in range(150):
        teacher, noise, other = torch.randn(3, 12, 16, generator=generator)
        student = ((teacher if carries else other) + noise / 2) @ mixing
        (loss,) = method(
            replace(
                batch,
                student=replace(batch.student, features=as_maps(student)),
                teacher=replace(batch.teacher, features=as_maps(teacher)),
            )
        ).values()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    # Of 12 cases and 60 remembered ones two thirds are of another grade. Where all scores are alike, all h are 1.
    m = 48
    equal = 0.8 * 2 * (math.log(1 + m) + m * math.log((1 + m) / m))
    learned = float(np.mean(losses[-30:]))
    assert learned < 0.6 * equal if carries else learned > 0.95 * equal


def as_maps(vectors: torch.Tensor) -> torch.Tensor:
    """(B, C) to constant maps."""
    return vectors[..., None, None, None].expand(-1, -1, *GRID)


def test_it_remembers_as_many_cases_as_it_is_told():
    method = crd(memory=5)
    for _ in range(3):
        method(random_batch(3))
    remembered = method.queue.filled()
    assert remembered.shape == (5, 2 * 128 + 1)
    np.testing.assert_allclose(remembered[:, :128].norm(dim=1), 1, atol=1e-5)
