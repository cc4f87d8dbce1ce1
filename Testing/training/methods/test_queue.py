import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.methods._queue import Queue


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), max_size=6), st.integers(1, 8))
def test_it_holds_the_latest_rows_however_they_came(pushes, size):
    queue = Queue(size, 1)
    for first, count in zip([sum(pushes[:i]) for i in range(len(pushes))], pushes, strict=True):
        queue.push(torch.arange(first, first + count)[:, None].float())
    total = sum(pushes)
    assert sorted(queue.filled().flatten().tolist()) == list(range(max(0, total - size), total))


def test_what_it_gave_does_not_change_when_more_comes():
    queue = Queue(2, 1)
    queue.push(torch.ones(2, 1))
    given_before = queue.filled()
    queue.push(torch.zeros(2, 1))
    assert torch.equal(given_before, torch.ones(2, 1))
