import torch

from training.normalised_head import NormalisedHead


def test_the_folded_head_gives_the_logits_of_the_trained_one():
    torch.manual_seed(0)
    head = NormalisedHead(6, 3)
    for _ in range(5):
        head(0.02 * torch.randn(8, 6, 2, 3, 4) + 0.5)
    head.eval()
    features = 0.02 * torch.randn(4, 6, 2, 3, 4) + 0.5
    plain = head.folded()
    assert torch.allclose(plain(features.mean((2, 3, 4))), head(features), atol=1e-4)


def test_it_learns_from_averages_that_hardly_vary_where_a_plain_layer_does_not():
    torch.manual_seed(0)
    labels = torch.arange(48) % 3
    features = 0.5 + 0.002 * torch.randn(48, 6, 2, 2, 2)
    features[:, 0] += 0.003 * labels[:, None, None, None]
    losses = []
    for head, pooled in ((NormalisedHead(6, 3), False), (torch.nn.Linear(6, 3), True)):
        optimiser = torch.optim.AdamW(head.parameters(), lr=0.05)
        for _ in range(60):
            logits = head(features.mean((2, 3, 4)) if pooled else features)
            loss = torch.nn.functional.cross_entropy(logits, labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] < 0.5 * losses[1]


def test_its_weight_is_that_of_the_folded_head_and_passes_the_gradient_on():
    torch.manual_seed(0)
    head = NormalisedHead(6, 3)
    head(0.02 * torch.randn(8, 6, 2, 3, 4) + 0.5)
    assert torch.equal(head.weight, head.folded().weight)
    head.weight.square().sum().backward()
    assert float(head.linear.weight.grad.norm()) > 0
