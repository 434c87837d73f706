"""Element-disjoint splits, checked by a sweep over every single window that the parts would read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn import Genome, windows
from epidyn.errors import SplitError
from epidyn.pairs import read_pairs
from epidyn.spans import window_spans
from epidyn.splits import Split, make_split
from tests.conftest import needs_data
from tests.pairs.tables import UNHURRIED
from tests.splits.test_split import ROLES, counts, elements, table

LENGTHS = {"enhancer": 3000, "promoter": 2000}
COPIES, STEP = 20, 50
PARTS = ("train", "validation", "test")


def windows_read(pairs: pd.DataFrame, sizes: dict[str, int], *, oversampled: bool) -> set[tuple[str, int, int]]:
    """Chromosome, start and end of each window that a part reads, one by one."""
    found: set[tuple[str, int, int]] = set()
    for role, length in LENGTHS.items():
        chrom, start, end = (pairs[f"{role}_{part}"].to_numpy() for part in ("chrom", "start", "end"))
        size = np.array([sizes[name] for name in chrom])
        found.update(
            (c, s, s + length) for c, s in zip(chrom, windows.central(start, end, length, size), strict=True)
        )
        if oversampled:
            shifts = pairs["label"].to_numpy() == 1
            copies = windows.shifted(start[shifts], end[shifts], length, size[shifts], COPIES, STEP)
            found.update(
                (c, s, s + length) for c, row in zip(chrom[shifts], copies, strict=True) for s in row.tolist()
            )
    return found


def shared_bases(pairs: pd.DataFrame, split: Split, sizes: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Go along each chromosome, and yield where windows of two parts are open at once."""
    events = []
    for part in PARTS:
        for chrom, start, end in windows_read(pairs.iloc[split.rows(part)], sizes, oversampled=part != "test"):
            events += [(chrom, start, 1, part), (chrom, end, 0, part)]
    is_open = dict.fromkeys(PARTS, 0)
    for chrom, at, opens, part in sorted(events):  # at one base, windows close before others open
        is_open[part] += 1 if opens else -1
        if sum(count > 0 for count in is_open.values()) > 1:
            yield chrom, at


@pytest.fixture(scope="module")
def gm12878(data: Path) -> pd.DataFrame:
    return read_pairs(data / "targetfinder" / "GM12878.csv.gz")


@needs_data
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parts_of_a_real_table_share_no_element_and_no_base_of_a_window(gm12878: pd.DataFrame, seed: int):
    sizes = Genome.open("random:hg19").sizes
    each = {role: gm12878[f"{role}_chrom"].map(sizes).to_numpy() for role in ROLES}
    split = make_split(gm12878, "element-disjoint", seed=seed, spans=window_spans(gm12878, sizes=each))
    for one, other in combinations((gm12878.iloc[split.rows(part)] for part in PARTS), 2):
        for role in ROLES:
            assert not elements(one, role) & elements(other, role)
    assert next(shared_bases(gm12878, split, sizes), None) is None


@needs_data
def test_the_sweep_finds_what_a_random_split_shares(gm12878: pd.DataFrame):
    split = make_split(gm12878, "random", seed=0)
    assert next(shared_bases(gm12878, split, Genome.open("random:hg19").sizes), None) is not None


@needs_data
@pytest.mark.parametrize("seed", range(8))
def test_a_real_table_keeps_its_pairs(gm12878: pd.DataFrame, seed: int):
    split = make_split(gm12878, "element-disjoint", seed=seed)
    assert (split.kind, split.validation) == ("element-disjoint", "blocks")
    kept = len(gm12878) - len(split.rows("unused"))
    assert kept >= 0.9 * len(gm12878)
    assert 0.05 * kept <= len(split.rows("test")) <= 0.15 * kept
    assert counts(gm12878, split, "test")[0] >= 100
    assert 0.04 * kept <= len(split.rows("validation")) <= 0.08 * kept


SIZES = {"chr1": 400_000, "chr2": 300_000, "chr3": 4_000_000}


def apart(count: int, chrom: str = "chr1") -> pd.DataFrame:
    """Pairs that lie far from each other; every third is positive."""
    pairs = table([int(row % 3 == 0) for row in range(count)], [chrom] * count)
    for role, at in (("enhancer", 0), ("promoter", 10_000)):
        pairs[f"{role}_start"] = np.arange(count) * 40_000 + at
        pairs[f"{role}_end"] = pairs[f"{role}_start"] + 500
    return pairs


@st.composite
def scattered(draw: st.DrawFn) -> pd.DataFrame:
    """Pairs anywhere up to the ends of two chromosomes, which hang together more or less, and 99 on a third."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    count = draw(st.integers(20, 150))
    chrom = rng.choice(["chr1", "chr2"], count).tolist()
    size = np.array([SIZES[name] for name in chrom])
    pairs = table((rng.random(count) < 0.5).astype(int).tolist(), chrom)
    first = (rng.random(count) * size).astype(np.int64) // 900 * 900
    distance = rng.integers(-draw(st.integers(1, 60_000)), 60_000, count)
    for role, start in (("enhancer", first), ("promoter", np.clip(first + distance, 0, size - 1) // 700 * 700)):
        pairs[f"{role}_start"], pairs[f"{role}_end"] = start, start + rng.integers(1, 4000, count)
    return pd.concat([pairs, apart(99, "chr3")])


@UNHURRIED
@given(scattered(), st.integers(0, 3))
def test_no_two_parts_of_any_table_share_a_base_of_a_window(pairs: pd.DataFrame, seed: int):
    spans = window_spans(pairs, sizes={role: pairs[f"{role}_chrom"].map(SIZES).to_numpy() for role in ROLES})
    split = make_split(pairs, "element-disjoint", seed=seed, spans=spans, validation_fraction=0.1)
    assert next(shared_bases(pairs, split, SIZES), None) is None
    assert 0.05 * len(pairs) <= len(split.rows("test")) <= 0.15 * len(pairs)
    assert min(min(counts(pairs, split, part)) for part in PARTS) > 0


def test_pairs_far_apart_are_all_kept_and_drawn_by_seed():
    pairs = apart(300)
    drawn = set()
    for seed in range(4):
        split = make_split(pairs, "element-disjoint", seed=seed)
        sizes = [len(split.rows(part)) for part in ("test", "validation", "unused")]
        assert 30 <= sizes[0] <= 32
        assert 14 <= sizes[1] <= 16
        assert sizes[2] == 0
        again = make_split(pairs, "element-disjoint", seed=seed)
        assert (again.parts == split.parts).all()
        drawn.add(tuple(split.rows("test")))
    assert len(drawn) == 4


def test_does_not_follow_the_order_of_rows():
    pairs = apart(200)
    once, turned = (make_split(each, "element-disjoint", seed=2) for each in (pairs, pairs.iloc[::-1]))
    assert (once.parts == turned.parts[::-1]).all()


def test_a_pair_between_two_parts_is_unused():
    """Two crowds and one pair that reaches from one to the other: it is lost if they are parted."""
    pairs = apart(40)
    far = pairs.iloc[[0]].assign(promoter_start=39 * 40_000 + 10_000, promoter_end=39 * 40_000 + 10_500)
    pairs = pd.concat([pairs, far])
    for seed in range(30):
        split = make_split(pairs, "element-disjoint", seed=seed, test_fraction=0.2, validation_fraction=0.2)
        ends = split.parts[0], split.parts[39]
        assert split.parts[40] == (ends[0] if ends[0] == ends[1] else "unused")
        assert len(split.rows("unused")) <= 1


def test_windows_that_hang_together_cannot_be_parted():
    pairs = apart(60)
    for role in ROLES:
        pairs[f"{role}_start"] //= 40
        pairs[f"{role}_end"] = pairs[f"{role}_start"] + 9
    with pytest.raises(SplitError, match=r"10% of 60 pairs cannot be held out element-disjoint: .* 1 groups"):
        make_split(pairs, "element-disjoint", seed=1)


def test_where_pairs_reach_far_whole_chromosomes_are_the_blocks():
    """Any enhancer of a chromosome goes with any promoter of it: smaller blocks would lose half of the pairs."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(10):
        pairs = apart(50, f"chr{number}")
        pairs["promoter_start"] = rng.permutation(pairs["promoter_start"])
        made.append(pairs.assign(promoter_end=pairs["promoter_start"] + 500))
    pairs = pd.concat(made)
    split = make_split(pairs, "element-disjoint", "samples", seed=1)
    assert pairs["promoter_chrom"].iloc[split.rows("test")].nunique() == 1
    assert len(split.rows("test")) == 50
    assert len(split.rows("unused")) == 0
