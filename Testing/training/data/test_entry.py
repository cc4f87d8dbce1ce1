import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from training.data.entry import CachedCase

SIDES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)
NAMES = st.sampled_from(["ct", "ct_mild", "ct_severe", "ct_legacy_mild", "fdg", "act"])


@st.composite
def cases(draw) -> CachedCase:
    shape, coarse = draw(SIDES), draw(SIDES)
    half = st.floats(0, 1, width=16)
    labels = draw(st.lists(st.integers(1, 33), min_size=1, max_size=4, unique=True))
    images = {name: draw(hnp.arrays(np.float16, shape, elements=half)) for name in draw(st.sets(NAMES, min_size=1))}
    weights = draw(hnp.arrays(np.float16, (len(labels), *coarse), elements=half))
    sums = st.floats(0, 1e9)
    label_map = draw(hnp.arrays(np.uint8, shape))
    return CachedCase(images, label_map, weights, tuple(labels), (draw(st.integers(0, 2**40)), draw(sums), draw(sums)))


@given(cases())
@settings(max_examples=30, deadline=None)
def test_a_case_comes_back_from_its_bytes_as_it_was(case):
    back = CachedCase.from_bytes(case.to_bytes())
    assert set(back.images) == set(case.images)
    pairs = [(back.images[name], case.images[name]) for name in case.images]
    for found, expected in [*pairs, (back.label_map, case.label_map), (back.region_weights, case.region_weights)]:
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
    assert (back.labels, back.body) == (case.labels, case.body)


@given(cases())
@settings(max_examples=10, deadline=None)
def test_the_same_case_has_the_same_bytes_and_its_images_a_fixed_order(case):
    turned = CachedCase(
        dict(reversed(case.images.items())), case.label_map, case.region_weights, case.labels, case.body
    )
    assert turned.to_bytes() == case.to_bytes()
    assert list(CachedCase.from_bytes(case.to_bytes()).images) == sorted(case.images)
