import pytest
import torch
from torch.nn import functional

from REACTKDLib.networks.attribution import attribute, centre_head
from REACTKDLib.networks.region_graph import masked_average
from training.lesion_head import LesionHead

GRID = (4, 6, 6)


@pytest.fixture
def head() -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(8, 3)


def lesion_means(features: torch.Tensor, lesions: torch.Tensor) -> torch.Tensor:
    return masked_average(features, lesions[:, None]).squeeze(1)


@torch.no_grad()
def test_it_says_what_the_lesions_add_to_the_logits_but_for_a_positive_factor(head):
    features, lesions = 3 + torch.randn(4, 8, *GRID), (torch.rand(4, *GRID) > 0.9).float()
    said = LesionHead(3)(lesion_means(features, lesions), head.weight)
    added = attribute(features, lesions[:, None], centre_head(head)).nodes[:, 0]
    factors = said / added * lesions.sum((1, 2, 3))[:, None]
    assert float(factors.min()) > 0
    torch.testing.assert_close(factors, factors[:1, :1].expand(4, 3), rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_features_and_weights_does_not_matter(head, scale):
    means = 2 + torch.randn(6, 8)
    said, of_others = LesionHead(3)(means, head.weight), LesionHead(3)(scale * means, head.weight)
    torch.testing.assert_close(said, of_others, rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(said, LesionHead(3)(means, head.weight / scale), rtol=1e-2, atol=1e-3)
    assert float(said.square().mean().sqrt()) == pytest.approx(1, rel=0.01)


@torch.no_grad()
def test_whatever_is_learned_keeps_the_signs(head):
    means, lesion_head = torch.randn(6, 8), LesionHead(3)
    before = lesion_head(means, head.weight)
    lesion_head.log_gain.fill_(-5)
    assert torch.equal(before.sign(), lesion_head(means, head.weight).sign())


def test_graded_by_it_lesions_come_to_speak_for_their_grade_however_large_a_mean_all_share(head):
    labels = torch.arange(3).repeat(8)
    signal = functional.one_hot(labels, 8).float()
    means = 5 + signal + 0.1 * torch.randn(24, 8)
    lesion_head = LesionHead(3)
    trained = [*head.parameters(), *lesion_head.parameters()]
    optimiser = torch.optim.Adam(trained, lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        functional.cross_entropy(lesion_head(means, head.weight), labels).backward()
        optimiser.step()
    attention = means @ centre_head(head).weight.mT
    assert (attention[torch.arange(24), labels] > 0).all()
    assert torch.equal(attention.argmax(1), labels)
