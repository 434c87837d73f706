"""Windows against the published starts, and against the rule written out in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn import windows
from epidyn.errors import ConfigError

PUBLISHED = Path(__file__).parent / "reference" / "windows.csv"


def slow_central(s: int, e: int, length: int, size: int) -> int:
    n = e - s + 1
    if n < length:
        start1 = s - math.ceil(Fraction(length - n, 2))
        if start1 + length - 1 > size:
            start1 = size + 1 - length
    elif n > length:
        start1 = s + math.ceil(Fraction(n - length, 2))
    else:
        start1 = s
    return start1 - 1


def slow_shifted(s: int, e: int, length: int, size: int, copies: int, step: int) -> list[int]:
    c = copies // 2
    if e - s + 1 < length and math.ceil(Fraction(s + e + length, 2) + (copies - c) * step) - 1 > size:
        c = math.ceil((Fraction(s + e + length, 2) - size - 1) / step) + copies
    return [math.ceil(Fraction(s + e - length, 2) + (i - c) * step) - 1 for i in range(1, copies + 1)]


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return pd.read_csv(PUBLISHED)


def test_published_starts(published: pd.DataFrame):
    assert len(published) > 100
    for row in published.itertuples():
        if row.rule == "central":
            got = windows.central(row.start, row.end, row.length, row.chrom_size)
        else:
            got = windows.shifted(row.start, row.end, row.length, row.chrom_size)[..., int(row.copy) - 1]
        assert got == row.window_start, row


elements = st.tuples(st.integers(1, 9000), st.integers(1, 4000)).map(lambda x: (x[0], x[0] + x[1]))


@given(elements, st.integers(1, 3500), st.integers(0, 6000))
def test_central_is_the_rule(element: tuple[int, int], length: int, beyond: int):
    s, e = element
    assert windows.central(s, e, length, e + beyond) == slow_central(s, e, length, e + beyond)


@given(elements, st.integers(1, 3500), st.integers(0, 6000), st.integers(0, 25), st.integers(1, 70))
def test_shifted_is_the_rule(element: tuple[int, int], length: int, beyond: int, copies: int, step: int):
    s, e = element
    got = windows.shifted(s, e, length, e + beyond, copies, step)
    assert got.tolist() == slow_shifted(s, e, length, e + beyond, copies, step)


@given(st.lists(elements, min_size=1, max_size=7))
def test_arrays_are_their_elements(several: list[tuple[int, int]]):
    s, e = np.array(several).T
    together = windows.shifted(s, e, 300, 20_000, copies=4)
    assert together.shape == (len(several), 4)
    assert together.dtype == np.int64
    for row, (one_s, one_e) in enumerate(several):
        assert (together[row] == windows.shifted(one_s, one_e, 300, 20_000, copies=4)).all()


def test_offsets_are_asymmetric_and_steps_equal():
    starts = windows.shifted(100_000, 100_500, 3000, 1_000_000)
    assert starts.shape == (20,)
    assert (np.diff(starts) == 50).all()
    centre = windows.central(100_000, 100_500, 3000, 1_000_000)
    assert (starts[0] - centre, starts[-1] - centre) == (-450, 500)


def test_training_without_copies_is_central():
    s, e = np.array([500, 9_000]), np.array([800, 9_900])
    none = windows.training(s, e, 300, 10_000, copies=0)
    assert none.shape == (2, 1)
    assert (none[:, 0] == windows.central(s, e, 300, 10_000)).all()
    assert windows.training(s, e, 300, 10_000, copies=3).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: windows.central(1, 5, 0, 10), "length"),
        (lambda: windows.shifted(1, 5, 3, 10, copies=-1), "copies"),
        (lambda: windows.shifted(1, 5, 3, 10, step=0), "step"),
    ],
)
def test_refuses_what_is_no_window(call, names: str):
    with pytest.raises(ConfigError, match=names):
        call()
