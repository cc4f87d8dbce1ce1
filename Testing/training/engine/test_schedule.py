import math

import pytest
import torch

from training.engine.schedule import cosine


def rates(steps: int, warmup: float) -> list[float]:
    """Of each step, and the one that would follow."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = cosine(optimiser, steps, warmup)
    found = []
    for _ in range(steps + 1):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def test_it_rises_in_equal_steps_then_falls_along_half_a_cosine_to_zero():
    # 2 of 8 steps rise, at a third and two thirds; the other 6 fall: cos(0), cos(π/6), ..., cos(5π/6), and cos(π).
    falling = [1 + math.sqrt(3) / 2, 1.5, 1, 0.5, 1 - math.sqrt(3) / 2]
    assert rates(8, 0.25) == pytest.approx([2 / 3, 4 / 3, 2, *falling, 0])


def test_without_warm_up_it_starts_at_the_top():
    assert rates(4, 0) == pytest.approx([2, 1 + math.sqrt(0.5), 1, 1 - math.sqrt(0.5), 0])


def test_a_single_step_is_at_the_full_rate():
    assert rates(1, 0.05)[0] == 2


def test_warm_up_alone_only_rises():
    assert rates(3, 1.0)[:3] == pytest.approx([0.5, 1, 1.5])
