from collections.abc import Sequence
from dataclasses import fields, replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from REACTKDLib.networks.architecture import build_network
from REACTKDLib.networks.batch import ModalityBatch, NetworkOutput
from Testing.models import STUDENT, TEACHER
from Testing.training.methods.batches import architectures, in_precision, random_batch, without_pet
from training.methods import method_class, method_names
from training.methods.method import DistillBatch, Method

METHODS = [name for name in method_names() if name != "alone"]
CASES = 4
CT_ALONE = (1, 3)


@pytest.fixture(scope="module")
def networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return build_network(STUDENT), build_network(TEACHER).eval()


@pytest.fixture(scope="module")
def batch(networks) -> DistillBatch:
    """Four cases through real networks: PET is missing for the student in two, a lesion in one; one has no lesion."""
    student, teacher = networks
    torch.manual_seed(1)
    regions = blocks()
    # Each region looks different, so that its features do.
    seen = functional.interpolate(torch.einsum("brdhw,brc->bcdhw", regions, 5 * torch.randn(CASES, 3, 3)), STUDENT.grid)
    images = {modality: seen + torch.randn(CASES, 3, *STUDENT.grid) for modality in ("ct", "fdg", "act", "dose")}
    everyone = torch.ones(CASES, dtype=torch.bool)
    has_pet = torch.tensor([case not in CT_ALONE for case in range(CASES)])
    perturbed = regions.clone()
    perturbed[0, 2] = 0
    present = {"ct": everyone, "fdg": has_pet, "act": torch.zeros_like(everyone)}
    return DistillBatch(
        student=student(ModalityBatch({"ct": images["ct"], "fdg": images["fdg"], "act": images["act"]}, present)),
        teacher=teacher(ModalityBatch(images, dict.fromkeys(images, everyone))),
        student_regions=perturbed,
        regions=regions,
        student_present=present,
        labels=torch.tensor([0, 1, 2, 1]),
    )


def blocks() -> torch.Tensor:
    """A parenchyma and two lesions, (B, 3, d, h, w); the third case has no lesion."""
    regions = torch.zeros(CASES, 3, *STUDENT.feature_grid)
    regions[:, 0, :, :4] = 1
    regions[:, 1, :2, 4:] = 1
    regions[:, 2, 2:, 4:, :6] = 1
    regions[2, 1:] = 0
    return regions


def method_of(name: str, student=STUDENT, teacher=TEACHER) -> Method:
    torch.manual_seed(2)
    return method_class(name)(student, teacher)


def some_cases(batch: DistillBatch, cases: Sequence[int]) -> DistillBatch:
    rows = list(cases)

    def of(output: NetworkOutput) -> NetworkOutput:
        branches = [
            {branch: values[rows] for branch, values in named.items()}
            for named in (output.branch_logits, output.branch_features, output.branch_present)
        ]
        return NetworkOutput(output.logits[rows], output.features[rows], *branches)

    present = {modality: has[rows] for modality, has in batch.student_present.items()}
    tensors = {f.name: getattr(batch, f.name)[rows] for f in fields(batch) if "regions" in f.name or f.name == "labels"}
    return DistillBatch(of(batch.student), of(batch.teacher), student_present=present, **tensors)


def gradients(terms: dict[str, torch.Tensor], parameters: Sequence[nn.Parameter]) -> list[torch.Tensor | None]:
    return torch.autograd.grad(sum(terms.values()), list(parameters), retain_graph=True, allow_unused=True)


@pytest.mark.parametrize("name", METHODS)
def test_all_terms_are_finite_and_at_work(name, batch):
    terms = method_of(name)(batch)
    assert terms
    for term in terms.values():
        assert term.shape == ()
        assert term.isfinite()
        assert float(term.detach()) > 0
        assert term.requires_grad


def test_the_student_alone_adds_nothing(batch):
    assert method_of("alone")(batch) == {}


@pytest.mark.parametrize("name", METHODS)
def test_the_gradient_reaches_the_first_convolution_of_the_student_and_never_the_teacher(name, batch, networks):
    student, teacher = networks
    first, *taught = gradients(
        method_of(name)(batch), [next(student.streams["ct"].parameters()), *teacher.parameters()]
    )
    assert first.isfinite().all()
    assert float(first.norm()) > 0
    assert all(gradient is None for gradient in taught)


@pytest.mark.parametrize("name", METHODS)
def test_every_term_teaches_the_student_or_a_part_of_the_method(name, batch):
    method = method_of(name)
    learners = [batch.student.features, batch.student.logits, *method.parameters()]
    for term in method(batch).values():
        found = [g for g in gradients({"one": term}, learners) if g is not None]
        assert any(float(g.norm()) > 0 for g in found)


@pytest.mark.parametrize("name", [name for name in METHODS if list(method_of(name).parameters())])
def test_no_parameter_of_a_method_goes_without_a_gradient(name, batch):
    method = method_of(name)
    assert all(gradient is not None for gradient in gradients(method(batch), method.parameters()))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("cases", [[0], [1], [2], [0, 1]], ids=["alone", "without PET", "one region", "two"])
def test_a_small_batch_stays_finite(name, cases, batch):
    method, small = method_of(name), some_cases(batch, cases)
    for _ in range(2):
        terms = method(small)
        assert all(term.isfinite() for term in terms.values())
        learners = [batch.student.features, batch.student.logits, *method.parameters()]
        assert all(g.isfinite().all() for g in gradients(terms, learners) if g is not None)


@pytest.mark.parametrize("name", [name for name in METHODS if method_class(name).teacher_branches])
def test_a_branch_that_a_case_lacks_teaches_it_nothing(name):
    method = method_of(name, *architectures((4, 6, 6), (4, 6, 6), (16, 16))).eval()
    batch = without_pet(random_batch())
    absent = [batch.teacher.branch_logits["structure"], batch.teacher.branch_features["structure"]]
    before = method(batch)
    with torch.no_grad():
        for said in absent:
            said.add_(torch.randn_like(said))
    assert {term: float(value.detach()) for term, value in method(batch).items()} == {
        term: float(value.detach()) for term, value in before.items()
    }


@pytest.mark.parametrize("name", METHODS)
def test_cases_without_a_grade_stay_finite_and_still_teach(name, batch):
    terms = method_of(name)(replace(batch, labels=torch.full((CASES,), -1)))
    assert all(term.isfinite() and term.requires_grad for term in terms.values())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("grids", [((4, 6, 6), (2, 6, 3)), ((2, 3, 3), (4, 6, 6))])
def test_widths_and_grids_of_student_and_teacher_may_differ(name, grids):
    different = random_batch(student_grid=grids[0], teacher_grid=grids[1], widths=(16, 24))
    terms = method_of(name, *architectures(*grids, (16, 24)))(different)
    assert all(term.isfinite() for term in terms.values())
    found = gradients(terms, [different.student.logits, different.student.features])
    assert max(float(gradient.norm()) for gradient in found if gradient is not None) > 0


@pytest.mark.parametrize("name", METHODS)
def test_each_term_is_proportional_to_the_option_of_its_name_and_to_no_other_terms(name):
    networks, method = architectures((4, 6, 6), (4, 6, 6), (16, 16)), method_class(name)
    options = method.Options()

    def terms(options: object) -> dict[str, torch.Tensor]:
        torch.manual_seed(2)
        return method(*networks, options)(random_batch(8))

    found = terms(options)
    for weight in found:
        tripled = terms(replace(options, **{weight: 3 * getattr(options, weight)}))
        expected = {term: 3 * value if term == weight else value for term, value in found.items()}
        assert float(found[weight].detach()) > 0
        torch.testing.assert_close(tripled, expected)


@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_method_says_what_an_uninterrupted_one_says(name):
    student, teacher = architectures((4, 6, 6), (4, 6, 6), (16, 16))
    first, second = random_batch(4), random_batch(3)
    method, resumed = method_of(name, student, teacher), method_class(name)(student, teacher)
    method(first)
    resumed.load_state_dict(method.state_dict())
    assert resumed(second) == method(second)


@pytest.mark.parametrize("name", METHODS)
def test_evaluation_leaves_what_a_method_remembers(name, batch):
    method = method_of(name).eval()
    before = {key: value.clone() for key, value in method.state_dict().items()}
    method(batch)
    assert all(torch.equal(value, before[key]) for key, value in method.state_dict().items())


@pytest.mark.parametrize("name", METHODS)
def test_half_precision_of_the_networks_never_reaches_the_terms(name):
    batch = random_batch()
    method = method_of(name, *architectures((4, 6, 6), (4, 6, 6), (16, 16)))
    with torch.autocast("cpu", torch.bfloat16):
        terms = method(in_precision(batch, torch.bfloat16))
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())
