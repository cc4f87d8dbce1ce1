import pytest
import torch

from REACTKDLib.networks.architecture import build_network
from Testing.models import TEACHER
from training.normalised_head import NormalisedHead, fold_heads, lengthen_memory, normalise_heads


def pooled(cases: int, width: int = 6) -> torch.Tensor:
    """Averages that hardly vary from case to case."""
    return 0.5 + 0.002 * torch.randn(cases, width)


def trained(batch: int = 8) -> NormalisedHead:
    torch.manual_seed(0)
    head = NormalisedHead(6, 3)
    for _ in range(40):
        head(pooled(batch))
    return head


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_the_folded_head_gives_the_logits_of_the_trained_one(batch):
    head = trained(batch).eval()
    values = pooled(4)
    assert torch.allclose(head.folded()(values), head(values), atol=1e-3)


def test_in_evaluation_features_are_standardised_by_the_cases_of_training():
    values = (pooled(2000) - 0.5) / 0.002
    head = trained().eval()
    head.linear.weight.data = torch.eye(3, 6)
    head.linear.bias.data.zero_()
    found = head(0.5 + 0.002 * values)
    assert torch.allclose(found.mean(0), torch.zeros(3), atol=0.15)
    assert torch.allclose(found.std(0), torch.ones(3), atol=0.15)


def test_it_learns_from_averages_that_hardly_vary_where_a_plain_layer_does_not():
    torch.manual_seed(0)
    labels = torch.arange(48) % 3
    values = pooled(48)
    values[:, 0] += 0.003 * labels
    losses = []
    for head in (NormalisedHead(6, 3), torch.nn.Linear(6, 3)):
        optimiser = torch.optim.AdamW(head.parameters(), lr=0.05)
        for _ in range(60):
            loss = torch.nn.functional.cross_entropy(head(values), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] < 0.5 * losses[1]


def test_at_first_what_moves_all_cases_alike_gets_little_gradient():
    """Else a step of the encoder would mostly shift features that the next statistics take off again."""
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1])
    values = pooled(8).requires_grad_()
    head = trained()
    torch.nn.functional.cross_entropy(head(values), labels).backward()
    constants = values.detach().clone().requires_grad_()
    torch.nn.functional.cross_entropy(head.eval()(constants), labels).backward()
    assert float(values.grad.sum(0).norm()) < 0.6 * float(constants.grad.sum(0).norm())


def test_a_batch_in_training_is_standardised_by_the_last_cases_so_that_two_cases_are_no_coin_toss():
    head = trained(batch=2)
    deviation = (head.linear.weight / head.weight)[0]
    assert torch.all((deviation > 0.0008) & (deviation < 0.004))


def test_at_the_end_a_batch_is_read_in_training_as_in_evaluation_even_if_all_its_cases_are_shifted():
    differences = []
    for progress in (0, 1):
        head = NormalisedHead(6, 3)
        lengthen_memory(head, progress)
        for _ in range(100):
            head(pooled(8))
        shifted = pooled(8) + 0.004
        differences.append((head(shifted) - head.eval()(shifted)).abs().max().item())
    assert differences[1] < 0.3 * differences[0]


def test_its_weight_is_that_of_the_folded_head_and_passes_the_gradient_on():
    head = trained().eval()
    assert torch.equal(head.weight, head.folded().weight)
    head.weight.square().sum().backward()
    assert float(head.linear.weight.grad.norm()) > 0


def test_before_the_first_case_it_is_a_plain_layer():
    head = NormalisedHead(6, 3).eval()
    values = pooled(4)
    assert torch.allclose(head(values), head.linear(values), atol=1e-5)


def test_every_head_of_a_network_is_replaced_and_comes_back_as_a_linear_layer():
    teacher = build_network(TEACHER)
    normalise_heads(teacher)
    heads = [teacher.head, *teacher.branch_heads.values()]
    assert all(isinstance(head, NormalisedHead) for head in heads)
    fold_heads(teacher)
    assert all(type(head) is torch.nn.Linear for head in (teacher.head, *teacher.branch_heads.values()))
