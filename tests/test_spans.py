"""Spans against windows one by one, overlaps against every pair of intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn import windows
from epidyn.elements import ROLES
from epidyn.spans import Spans, clusters, overlaps, window_spans
from tests.pairs.tables import UNHURRIED


@st.composite
def intervals(draw: st.DrawFn, least: int = 0) -> Spans:
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from(["chr2", "chr10", "X"]), st.integers(-30, 300), st.integers(1, 40)),
            min_size=least,
            max_size=25,
        )
    )
    chrom, start, length = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    starts = np.array(start, dtype=np.int64)
    return Spans(np.array(chrom, dtype=object), starts, starts + np.array(length, dtype=np.int64))


def listed(spans: Spans) -> list[tuple[str, int, int]]:
    return list(zip(spans.chrom, spans.start.tolist(), spans.end.tolist(), strict=True))


def share_a_base(one: tuple[str, int, int], other: tuple[str, int, int]) -> bool:
    return one[0] == other[0] and max(one[1], other[1]) < min(one[2], other[2])


@UNHURRIED
@given(intervals(least=1), intervals(), intervals())
def test_overlaps_are_those_of_every_two_intervals(spans: Spans, one: Spans, other: Spans):
    against = listed(one) + listed(other)
    slow = [any(share_a_base(each, that) for that in against) for each in listed(spans)]
    assert overlaps(spans, [one, other]).tolist() == slow


@UNHURRIED
@given(intervals(least=1), intervals())
def test_clusters_are_what_a_walk_along_the_bases_finds(one: Spans, other: Spans):
    """Base by base: a cluster goes on as long as an interval covers both a base and the one before it."""
    together = listed(one) + listed(other)
    number, found = -1, {}
    for chrom in sorted({each[0] for each in together}):
        mine = [each for each in together if each[0] == chrom]
        for base in range(-30, 340):
            covers = [each for each in mine if each[1] <= base < each[2]]
            if covers and not any(each[1] < base for each in covers):
                number += 1
            found.update((each, number) for each in covers)
    assert [each.tolist() for each in clusters([one, other])] == [
        [found[each] for each in listed(spans)] for spans in (one, other)
    ]


SIZES = {"chr1": 9_000, "chr2": 500_000}


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    chrom = rng.choice(list(SIZES), 60)
    table = pd.DataFrame({"label": rng.integers(0, 2, 60)})
    for role in ROLES:
        start = (rng.random(60) * [SIZES[name] for name in chrom]).astype(np.int64)
        table = table.assign(**{f"{role}_chrom": chrom, f"{role}_start": start})
        table[f"{role}_end"] = start + rng.integers(1, 6000, 60)
    return table


@pytest.mark.parametrize("copies", [0, 1, 20])
def test_a_span_covers_each_window_and_ends_where_the_last_one_does(pairs: pd.DataFrame, copies: int):
    sizes = pairs["promoter_chrom"].map(SIZES).to_numpy()
    shifts = pairs["label"].to_numpy() == 1
    spans = window_spans(pairs, copies=copies, step=70, shifts=shifts, sizes=dict.fromkeys(ROLES, sizes))
    for role, length in (("enhancer", 3000), ("promoter", 2000)):
        for row, pair in pairs.iterrows():
            where = (pair[f"{role}_start"], pair[f"{role}_end"], length, sizes[row])
            starts = [int(windows.central(*where))]
            if shifts[row]:
                starts += windows.shifted(*where, copies, 70).tolist()
            expected = (pair[f"{role}_chrom"].removeprefix("chr"), min(starts), max(starts) + length)
            assert listed(spans[role])[row] == expected


def test_by_default_a_window_and_its_copies_reach_five_hundred_bases_to_either_side():
    table = pd.DataFrame({"enhancer_chrom": ["chr1"], "enhancer_start": [10_000], "enhancer_end": [10_999]})
    for part in ("chrom", "start", "end"):
        table[f"promoter_{part}"] = table[f"enhancer_{part}"]
    assert listed(window_spans(table)["enhancer"]) == [("1", 8_999 - 450, 11_999 + 500)]
