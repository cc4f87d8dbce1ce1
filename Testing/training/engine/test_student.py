import copy

import pytest
import torch
from torch import nn

from REACTKDLib.networks.architecture import build_network
from Testing.training.engine.tiny import STUDENT_MODALITIES, batch_of, student_settings, teacher_settings
from training.data.batch import TrainingBatch
from training.data.draws import DrawSettings, PerturbationSettings
from training.engine.architectures import student_architecture, teacher_architecture
from training.engine.student import StudentStage
from training.methods.method import DistillBatch
from training.methods.react_kd import ReactKD


@pytest.fixture
def batch(cases) -> TrainingBatch:
    perturbation = PerturbationSettings(lesion_dropout=0.5)
    return batch_of(cases, cases.training[:4], DrawSettings(modalities=STUDENT_MODALITIES, perturbation=perturbation))


@pytest.fixture
def make_stage(cases):
    def make(temperature: float = 1.0, **changes) -> tuple[StudentStage, nn.Module]:
        """A stage, and its teacher."""
        torch.manual_seed(0)
        settings = student_settings(**changes)
        architecture = student_architecture(settings, cases.spec, cases.tracers)
        teacher = build_network(teacher_architecture(teacher_settings(), cases.spec))
        method = ReactKD(architecture, teacher.architecture)
        return StudentStage(build_network(architecture), method, teacher, settings, temperature=temperature), teacher

    return make


def step(stage: StudentStage, batch: TrainingBatch) -> None:
    trained = [parameter for parameter in stage.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-2)
    sum(stage.train()(batch).values()).backward()
    optimiser.step()


def test_the_teacher_is_never_changed_and_gets_no_gradient(make_stage, batch):
    stage, teacher = make_stage()
    before = copy.deepcopy(teacher.state_dict())
    step(stage, batch)
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert not any(module.training for module in teacher.modules())
    assert not any(name.startswith("_frozen") or "branch_heads" in name for name in stage.state_dict())


@pytest.mark.parametrize("term", ["cls", "kd", "node", "edge", "gw"])
def test_each_term_reaches_the_first_convolution_of_both_streams(make_stage, batch, term):
    assert not torch.equal(batch.student_regions, batch.regions)
    stage, _ = make_stage()
    terms = stage.train()(batch)
    for stream in ("ct", "pet"):
        first = next(module for module in stage.network.streams[stream].modules() if isinstance(module, nn.Conv3d))
        (gradient,) = torch.autograd.grad(terms[term], first.weight, retain_graph=True)
        assert gradient.isfinite().all()
        assert float(gradient.abs().max()) > 0


def test_the_weight_of_a_method_scales_its_terms_and_nothing_else(make_stage, batch):
    whole, tenth = (make_stage(method_weight=weight)[0].eval()(batch) for weight in (1.0, 0.1))
    for name, term in whole.items():
        factor = 0.1 if name in ("kd", "node", "edge", "gw") else 1
        assert term.item() > 0
        torch.testing.assert_close(tenth[name], factor * term)


def test_a_method_whose_term_has_the_name_of_the_stages_own_is_refused(make_stage, batch, monkeypatch):
    stage, _ = make_stage()
    monkeypatch.setattr(stage.method, "terms", lambda batch: dict.fromkeys(("cls", "kd"), batch.student.logits.sum()))
    with pytest.raises(ValueError, match="ReactKD: its terms cls have names"):
        stage.train()(batch)


def test_the_spatial_kernel_of_an_own_cbam_learns_more_slowly_than_all_else(make_stage):
    stage, _ = make_stage(cbam="own", attention_rate=0.1)
    others, (kernel,) = (group["params"] for group in stage.groups(1e-2))
    assert [group["lr"] for group in stage.groups(1e-2)] == pytest.approx([1e-2, 1e-3])
    assert kernel is stage.network.cbam.spatial.weight
    trained = [id(weights) for weights in stage.parameters() if weights.requires_grad]
    assert sorted([id(kernel), *map(id, others)]) == sorted(trained)


@pytest.mark.parametrize("cbam", ["shared", "none"])
def test_all_that_is_trained_learns_alike_without_a_cbam_of_its_own(make_stage, cbam):
    stage, _ = make_stage(cbam=cbam)
    (whole,) = stage.groups(1e-2)
    assert {id(weights) for weights in whole["params"]} == {id(w) for w in stage.parameters() if w.requires_grad}


def test_a_shared_cbam_is_the_teachers_and_stays_so(make_stage, batch):
    stage, teacher = make_stage(cbam="shared")
    step(stage, batch)
    ours, theirs = stage.network.cbam.state_dict(), teacher.cbam.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not any(parameter.requires_grad for parameter in stage.network.cbam.parameters())


def test_its_own_cbam_is_trained(make_stage, batch):
    stage, teacher = make_stage(cbam="own")
    before = copy.deepcopy(stage.network.cbam.state_dict())
    assert any(not torch.equal(before[name], value) for name, value in teacher.cbam.state_dict().items())
    step(stage, batch)
    assert all(not torch.equal(before[name], value) for name, value in stage.network.cbam.named_parameters())


def test_without_cbam_there_is_none(make_stage, batch):
    stage, _ = make_stage(cbam="none")
    assert isinstance(stage.network.cbam, nn.Identity)
    step(stage, batch)


def test_the_teacher_reads_what_modality_dropout_took_from_the_student(make_stage, cases):
    stage, teacher = make_stage()
    names = [name for name in cases.training if "fdg" in cases.cache.read(name).images][:2]
    batch = batch_of(cases, names)
    nothing_left = {"ct": batch.student_present["ct"], "fdg": torch.zeros(2, dtype=torch.bool)}
    object.__setattr__(batch, "student_present", nothing_left)
    read = []
    teacher.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    stage.network.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    stage.train()(batch)
    of_student, of_teacher = read
    assert of_teacher.present["fdg"].all()
    assert not of_student.presence("fdg").any()


def given_to_method(stage: StudentStage, batch: TrainingBatch, monkeypatch) -> DistillBatch:
    given = []
    monkeypatch.setattr(stage.method, "terms", lambda of_cases: given.append(of_cases) or {})
    stage.train()(batch)
    return given[0]


def test_the_teachers_logits_have_its_temperature(make_stage, batch, monkeypatch):
    plain, sure = (
        given_to_method(make_stage(temperature)[0], batch, monkeypatch).teacher for temperature in (1.0, 0.25)
    )
    assert torch.allclose(sure.logits, 4 * plain.logits)
    assert all(torch.allclose(sure.branch_logits[name], 4 * of) for name, of in plain.branch_logits.items())
    assert len(plain.branch_logits) == 2


def test_methods_are_given_maps_of_both_without_what_all_cases_have_in_common(make_stage, batch, monkeypatch):
    given = given_to_method(make_stage()[0], batch, monkeypatch)
    for maps in (given.student.features, given.teacher.features, *given.teacher.branch_features.values()):
        assert maps.detach().mean((0, 2, 3, 4)).abs().max() < 1e-5
