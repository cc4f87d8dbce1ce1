import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.methods.awmtkd import adaptive_weights


def test_weights_equal_the_written_out_example():
    # softmax of (0, log 3) is 1/4, 3/4; of three alike a third each.
    np.testing.assert_allclose(adaptive_weights(torch.tensor([[0, np.log(3)]])), [[0.75, 0.25]], atol=1e-6)
    np.testing.assert_allclose(adaptive_weights(torch.zeros(1, 3)), [[1 / 3] * 3], atol=1e-6)


@given(st.lists(st.floats(0, 20), min_size=2, max_size=4))
def test_weights_sum_to_one_and_fall_with_the_error(errors):
    weights = adaptive_weights(torch.tensor([errors], dtype=torch.float64))[0]
    np.testing.assert_allclose(float(weights.sum()), 1, atol=1e-9)
    assert weights.argmax() in [k for k, error in enumerate(errors) if error <= min(errors) + 1e-9]
