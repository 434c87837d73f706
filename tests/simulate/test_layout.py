from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn import windows
from epidyn.simulate import configure
from epidyn.simulate.layout import lay_out


@given(
    enhancers=st.integers(1, 30),
    promoters=st.integers(1, 20),
    enhancer_length=st.integers(300, 3001),
    promoter_length=st.integers(300, 2001),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_windows_lie_inside_the_chromosome_and_never_overlap(
    enhancers, promoters, enhancer_length, promoter_length, seed
):
    config = configure({"enhancer_length": enhancer_length, "promoter_length": promoter_length})
    layout = lay_out(np.random.default_rng(seed), config, enhancers, promoters)
    taken = np.zeros(layout.size, dtype=int)
    sides = (
        (layout.enhancer_start, layout.enhancer_end, enhancer_length, enhancers),
        (layout.promoter_start, layout.promoter_end, promoter_length, promoters),
    )
    for start, end, length, count in sides:
        assert start.shape == end.shape == (count,)
        assert np.all(end - start < length)
        first = windows.central(start, end, length, layout.size)
        assert np.all(first >= 0)
        assert np.all(first + length <= layout.size)
        assert np.all(first <= start)
        assert np.all(end <= first + length)
        for place in first:
            taken[place : place + length] += 1
    assert taken.max() == 1


def test_copies_shifted_as_published_hold_the_whole_element_of_a_published_window():
    config = configure({})
    layout = lay_out(np.random.default_rng(1), config, 40, 30)
    for start, end, length in (
        (layout.enhancer_start, layout.enhancer_end, 3000),
        (layout.promoter_start, layout.promoter_end, 2000),
    ):
        first = windows.shifted(start, end, length, layout.size)
        assert first.min() >= 0
        assert np.all(first + length <= layout.size)
        assert np.all(first <= start[:, None] + 1)
        assert np.all(first + length >= end[:, None] - 1)


def test_enhancers_and_promoters_are_mixed_along_the_chromosome():
    layout = lay_out(np.random.default_rng(2), configure({}), 200, 200)
    assert abs(np.median(layout.enhancer_start) - np.median(layout.promoter_start)) < 0.2 * layout.size
