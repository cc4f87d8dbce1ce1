import pytest
import torch
from scipy.special import rel_entr, softmax

from training.losses.dose_consistency import dose_consistency_loss


def two_predictions() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)


def test_it_equals_the_relative_entropy_scipy_gives():
    native, degraded = two_predictions()
    p, q = (softmax(logits.detach().double().numpy(), axis=1) for logits in (native, degraded))
    assert float(dose_consistency_loss(native, degraded).detach()) == pytest.approx(
        rel_entr(p, q).sum(1).mean(), abs=1e-6
    )


def test_the_same_answer_at_both_doses_costs_nothing():
    native, _ = two_predictions()
    assert float(dose_consistency_loss(native, native.detach()).detach()) == 0


def test_the_degraded_prediction_moves_towards_the_native_one_which_stays():
    native, degraded = two_predictions()
    before = dose_consistency_loss(native, degraded)
    before.backward()
    assert native.grad is None
    with torch.no_grad():
        assert dose_consistency_loss(native, degraded - 0.1 * degraded.grad) < before
