from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from REACTKDLib.networks.architecture import build_network
from REACTKDLib.networks.batch import NetworkOutput
from Testing.training.engine.tiny import batch_of, student_settings
from training.engine.architectures import student_architecture
from training.engine.settings import Supervision
from training.engine.stage import Stage


@pytest.fixture(scope="module")
def stage(cases) -> Stage:
    torch.manual_seed(0)
    network = build_network(student_architecture(student_settings(), cases.spec, cases.tracers))
    return Stage(network, Supervision(lesion_supervision=2.0))


@given(st.lists(st.integers(-1, 2), min_size=4, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_loss_of_a_batch_is_the_mean_of_those_of_its_halves_whatever_counts(stage, grades, counted):
    logits = torch.randn(4, 3, generator=torch.manual_seed(0))
    labels, counted = torch.tensor(grades), torch.tensor(counted)
    whole = stage.classification(logits, labels, counted)
    halves = [stage.classification(logits[part], labels[part], counted[part]) for part in (slice(2), slice(2, 4))]
    assert float(whole) == pytest.approx(float(sum(halves)) / 2, abs=1e-6)


def test_cases_without_a_grade_cost_nothing_and_leave_a_gradient_of_zero(stage):
    logits = torch.randn(2, 3, requires_grad=True)
    loss = stage.classification(logits, torch.tensor([-1, -1]))
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.equal(logits.grad, torch.zeros(2, 3))


def test_a_case_without_a_lesion_is_neither_read_nor_counted(stage, cases):
    batch = batch_of(cases, cases.training[:2])
    features = torch.randn(2, 16, *batch.lesions.shape[1:], generator=torch.manual_seed(0))
    output = NetworkOutput(torch.zeros(2, 3), features)
    lesions = batch.lesions.clone()
    lesions[1] = 0
    stage.train().lesion_head.moments.forget()
    term = stage.supervised(output, replace(batch, lesions=lesions))["lesion"]
    assert float(stage.lesion_head.moments.recent[0, 0]) == 1
    stage.lesion_head.moments.forget()
    alone = stage.supervised(
        NetworkOutput(torch.zeros(1, 3), features[:1]), replace(batch, lesions=lesions[:1], labels=batch.labels[:1])
    )["lesion"]
    assert float(term.detach()) == pytest.approx(float(alone.detach()) / 2)


def test_a_batch_without_any_lesion_has_the_term_too(stage, cases):
    batch = batch_of(cases, cases.training[:2])
    output = NetworkOutput(torch.zeros(2, 3), torch.randn(2, 16, *batch.lesions.shape[1:]))
    term = stage.train().supervised(output, replace(batch, lesions=torch.zeros_like(batch.lesions)))["lesion"]
    assert float(term.detach()) == 0
    assert term.requires_grad
