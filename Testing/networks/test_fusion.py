import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from REACTKDLib.networks.fusion import Fusion, encode_present, require_a_stream

STREAMS = ("ct", "pet", "act")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()).filter(any), min_size=1, max_size=4))
def test_fusion_is_the_mean_of_what_is_there_and_the_tokens_of_what_is_not(presence):
    fusion = Fusion(STREAMS, 5)
    present = {stream: torch.tensor([row[i] for row in presence]) for i, stream in enumerate(STREAMS)}
    maps = {s: torch.randn(len(presence), 5, 1, 2, 3) * present[s][:, None, None, None, None] for s in STREAMS}
    fused = fusion(maps, present, STREAMS)
    for index, row in enumerate(presence):
        there = [stream for stream, has in zip(STREAMS, row, strict=True) if has]
        expected = sum(maps[stream][index] for stream in there) / len(there)
        for stream in set(STREAMS) - set(there):
            expected = expected + fusion.tokens[stream][:, None, None, None]
        torch.testing.assert_close(fused[index], expected)


def test_streams_that_are_missing_altogether_leave_their_tokens():
    fusion = Fusion(STREAMS, 5)
    present = {"ct": torch.tensor([True]), "pet": torch.tensor([False]), "act": torch.tensor([False])}
    fused = fusion({"ct": torch.randn(1, 5, 1, 2, 3)}, present, ("pet", "act"))
    expected = fusion.tokens["pet"] + fusion.tokens["act"]
    torch.testing.assert_close(fused, expected[None, :, None, None, None].expand(1, 5, 1, 2, 3))


class Counting(nn.Module):
    """Doubles its input and remembers how many cases it was given."""

    def __init__(self):
        super().__init__()
        self.cases = 0

    def forward(self, images):
        self.cases += len(images)
        return 2 * images


@pytest.mark.parametrize("present", [[True, True, True], [True, False, True], [False, False, False]])
def test_the_encoder_works_only_for_the_cases_that_have_the_stream(present):
    encoder, images, present = Counting(), torch.randn(3, 2, 2, 2, 2), torch.tensor(present)
    maps = encode_present(encoder, images, present)
    assert encoder.cases == present.sum()
    if present.any():
        torch.testing.assert_close(maps, 2 * images * present[:, None, None, None, None])
    else:
        assert maps is None


def test_cases_without_any_stream_are_named():
    with pytest.raises(ValueError, match=r"cases \[0, 2\].*ct.*pet"):
        require_a_stream({"ct": torch.tensor([False, True, False]), "pet": torch.tensor([False, False, False])})
