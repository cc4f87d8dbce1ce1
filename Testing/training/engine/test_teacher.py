import copy
from dataclasses import replace

import pytest
import torch
from scipy.special import rel_entr

from REACTKDLib.networks.architecture import build_network
from REACTKDLib.networks.batch import ModalityBatch
from Testing.training.engine.tiny import batch_of, teacher_settings
from training.data.batch import TrainingBatch
from training.engine.architectures import teacher_architecture
from training.engine.teacher import TeacherStage
from training.losses.focal import focal_loss


@pytest.fixture
def stage(cases) -> TeacherStage:
    """Whose heads have seen some cases."""
    torch.manual_seed(0)
    settings = teacher_settings(unlabelled=0.5)
    stage = TeacherStage(build_network(teacher_architecture(settings, cases.spec)), settings).train()
    with torch.no_grad():
        for start in (0, 2, 4):
            stage(batch_of(cases, cases.training[start : start + 2]))
    return stage


@pytest.fixture
def mixed(cases) -> TrainingBatch:
    """Two graded cases and two without a grade, whose CTs are at low dose."""
    batch = batch_of(cases, [*cases.training[2:4], *cases.unlabelled])
    degraded = batch.images["ct"] + 0.5 * torch.randn(batch.images["ct"].shape, generator=torch.manual_seed(1))
    return replace(batch, images={**batch.images, "dose": degraded})


def test_dose_consistency_is_that_of_the_unlabelled_cases_alone(stage, mixed):
    same = copy.deepcopy(stage)
    degraded = same.output(same.network, mixed).branch_logits["dose"].softmax(1)
    ct = ModalityBatch({"ct": mixed.images["ct"]}, {"ct": mixed.present["ct"]})
    native = same.network.eval()(ct).branch_logits["dose"].softmax(1)
    divergences = rel_entr(*(probabilities.detach().double().numpy() for probabilities in (native, degraded))).sum(1)
    expected = 0.5 * divergences[2:].sum() / 4
    assert expected > 1e-4
    assert float(stage(mixed)["consistency"].detach()) == pytest.approx(expected, rel=1e-4)


def test_a_batch_of_graded_cases_has_no_consistency_and_the_same_terms(stage, cases, mixed):
    terms = stage(batch_of(cases, cases.training[:2]))
    assert float(terms["consistency"].detach()) == 0
    assert terms.keys() == stage(mixed).keys()


def test_the_gradient_of_consistency_goes_through_the_degraded_ct_alone(stage, mixed):
    images = {name: image.clone().requires_grad_() for name, image in mixed.images.items()}
    stage(replace(mixed, images=images))["consistency"].backward()
    assert float(images["dose"].grad[2:].abs().max()) > 0
    assert images["ct"].grad is None or float(images["ct"].grad.abs().max()) == 0


def test_the_reference_leaves_no_trace(stage, mixed):
    """The native CTs are not counted in the heads' statistics, and the network is in training again."""
    same = copy.deepcopy(stage)
    same.unlabelled = 0
    same(mixed)
    stage(mixed)
    assert all(module.training for module in stage.network.modules())
    counted, expected = dict(stage.named_buffers()), dict(same.named_buffers())
    assert all(torch.equal(counted[name], expected[name]) for name in expected)


def test_a_case_without_pet_does_not_count_in_the_loss_of_the_structure_branch(stage, cases):
    batch = batch_of(cases, cases.training[:2])
    assert batch.present["fdg"].tolist() == [True, False]
    same, again = copy.deepcopy(stage), copy.deepcopy(stage)
    logits = same.output(same.network, batch).branch_logits["structure"]
    known = focal_loss(logits[:1], batch.labels[:1], stage.class_weights) / 2
    other_grade = replace(batch, labels=torch.stack([batch.labels[0], (batch.labels[1] + 1) % 3]))
    terms, others = stage(batch), again(other_grade)
    assert float(terms["cls_structure"].detach()) == float(others["cls_structure"].detach())
    assert float(terms["cls_dose"].detach()) != float(others["cls_dose"].detach())
    assert float(terms["cls_structure"].detach()) == pytest.approx(float(known.detach()), rel=1e-6)
