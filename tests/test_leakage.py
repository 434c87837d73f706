"""Leakage against counting by hand and row by row, and what is known of the real tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn.leakage import Leakage, measure
from epidyn.pairs import read_pairs
from epidyn.spans import window_spans
from epidyn.splits import Split, make_split
from tests.conftest import needs_data
from tests.pairs.tables import UNHURRIED

LENGTHS = {"enhancer": 30, "promoter": 20}
ROLES = tuple(LENGTHS)


def made(rows: list[tuple[str, int, int, int, str]]) -> tuple[pd.DataFrame, Split]:
    """Pairs of (chromosome, enhancer start, promoter start, label, part), elements of 10 bases."""
    chrom, enhancer, promoter, label, part = (list(column) for column in zip(*rows, strict=True))
    table = pd.DataFrame({"label": np.array(label, dtype=np.int8)}, index=np.arange(len(rows))[::-1] + 70)
    for role, start in (("enhancer", enhancer), ("promoter", promoter)):
        starts = np.array(start, dtype=np.int64)
        table = table.assign(**{f"{role}_chrom": chrom, f"{role}_start": starts, f"{role}_end": starts + 10})
    return table, Split(np.array(part, dtype=object), "column", "column")


def measured(rows: list[tuple[str, int, int, int, str]]) -> Leakage | None:
    pairs, split = made(rows)
    return measure(pairs, split, window_spans(pairs, lengths=LENGTHS, copies=0))


def test_counts_by_hand():
    found = measured(
        [
            ("chr1", 1000, 2000, 1, "train"),
            ("chr1", 1000, 2100, 0, "validation"),
            ("chr1", 1500, 2500, 0, "train"),
            ("chr2", 1000, 2000, 0, "unused"),
            ("chr1", 1000, 2500, 1, "test"),  # both seen, not in one pair
            ("chr1", 1000, 2000, 0, "test"),  # the first pair once more, with the other label
            ("chr1", 1015, 9000, 0, "test"),  # its enhancer's window overlaps that of the first
            ("chr1", 9100, 1511, 0, "test"),  # its promoter's window overlaps that of an enhancer
            ("chr2", 1500, 2500, 0, "test"),  # the same numbers on another chromosome
            ("chr2", 1000, 2000, 0, "test"),  # seen among the unused only
        ]
    )
    assert found == Leakage(
        split="column",
        test_pairs=6,
        enhancer_seen=2 / 6,
        promoter_seen=2 / 6,
        both_seen=2 / 6,
        pair_seen=1 / 6,
        window_overlaps=4 / 6,
        one_label_promoters=5 / 7,
        duplicates=2,
        conflicts=1,
        cell_lines=1,
        other_line_seen=0.0,
    )


def test_what_another_line_shows_is_counted_apart():
    pairs, split = made(
        [
            ("chr1", 1000, 2000, 1, "train"),
            ("chr1", 3000, 7000, 0, "validation"),
            ("chr1", 1500, 2500, 0, "train"),
            ("chr1", 1000, 9000, 1, "test"),  # its enhancer is in its own line's training
            ("chr1", 1000, 9000, 0, "test"),  # and in another line's
            ("chr1", 7000, 8000, 0, "test"),  # its enhancer is a promoter of another line's validation
            ("chr1", 4000, 2500, 0, "test"),  # its promoter is in its own line's training
        ]
    )
    lines = pairs.assign(cell_line=["A", "A", "B", "A", "B", "B", "B"])
    spans = window_spans(pairs, lengths=LENGTHS, copies=0)
    found, alone = measure(lines, split, spans), measure(pairs, split, spans)
    assert found is not None
    assert alone is not None
    assert (found.cell_lines, found.other_line_seen, found.enhancer_seen) == (2, 2 / 4, 2 / 4)
    assert "split column of 2 cell lines pooled leaks" in found.words()
    assert "50% an element that it has in another line" in found.words()
    assert found.words().endswith("Use --split loco.")
    assert (alone.cell_lines, alone.other_line_seen) == (1, 0)
    assert "cell line" not in alone.words()


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[str, int, int, int, str]]:
    one = st.tuples(
        st.sampled_from(["chr1", "chr2"]),
        st.integers(0, 12).map(lambda number: 17 * number),
        st.integers(0, 12).map(lambda number: 23 * number),
        st.integers(0, 1),
        st.sampled_from(["train", "validation", "test", "unused"]),
    )
    return [*draw(st.lists(one, max_size=20)), ("chr1", 5, 5, 1, "test")]


@UNHURRIED
@given(rows())
def test_shares_are_those_of_a_look_at_every_two_rows(rows: list[tuple[str, int, int, int, str]]):
    pairs, split = made(rows)
    spans = window_spans(pairs, lengths=LENGTHS, copies=3, step=9, shifts=pairs["label"].to_numpy() == 1)
    found = measure(pairs, split, spans)
    reads = [
        [(row[0], int(spans[role].start[at]), int(spans[role].end[at])) for role in ROLES]
        for at, row in enumerate(rows)
    ]
    test = [at for at, row in enumerate(rows) if row[4] == "test"]
    trained = [at for at, row in enumerate(rows) if row[4] in ("train", "validation")]

    def share(holds) -> float:
        return sum(any(holds(at, other) for other in trained) for at in test) / len(test)

    assert found is not None
    assert found.enhancer_seen == share(lambda at, other: rows[at][:2] == rows[other][:2])
    assert found.promoter_seen == share(lambda at, other: rows[at][0::2][:2] == rows[other][0::2][:2])
    assert found.pair_seen == share(lambda at, other: rows[at][:3] == rows[other][:3])
    assert found.window_overlaps == share(
        lambda at, other: any(
            a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in reads[at] for b in reads[other]
        )
    )
    distinct = {row[:3] for row in rows}
    labels = {each: {row[3] for row in rows if row[:3] == each} for each in distinct}
    assert found.duplicates == len(rows) - len(distinct)
    assert found.conflicts == sum(len(each) == 2 for each in labels.values())


def test_without_a_test_part_there_is_nothing_to_say():
    assert measured([("chr1", 1000, 2000, 1, "train"), ("chr1", 1000, 2000, 0, "unused")]) is None


def test_a_table_of_a_seed_leaks_or_not():
    leaking = measured([("chr1", 1000, 2000, 1, "train"), ("chr1", 1015, 7000, 0, "test")])
    apart = measured([("chr1", 1000, 2000, 1, "train"), ("chr2", 1015, 7000, 0, "test")])
    assert leaking is not None
    assert apart is not None
    assert (leaking.leaks, apart.leaks) == (True, False)
    assert "leaks: 0% of the test pairs have a promoter that training has seen, 0% an enhancer" in leaking.words()
    assert "100% a window that overlaps" in leaking.words()
    assert leaking.words().endswith("Use --split chromosome-kfold:5 or loco.")
    assert apart.words() == "split column: no test pair shares an element or an overlapping window with training"
    assert leaking.report()["summary"] == leaking.words()
    assert leaking.report()["leaks"] is True
    assert "split" not in leaking.report()


def test_a_little_is_not_rounded_to_nothing():
    rows = [("chr1", 1000 * number, 500 + 1000 * number, 0, "test") for number in range(1, 1001)]
    found = measured([*rows, ("chr1", 1000, 9_999_999, 1, "train")])
    assert found is not None
    assert "under 1% an enhancer" in found.words()


@needs_data
@pytest.mark.parametrize("line", ["GM12878", "HUVEC", "HeLa-S3", "IMR90", "K562", "NHEK"])
def test_what_is_known_of_the_real_tables(data: Path, line: str):
    pairs = read_pairs(data / "targetfinder" / f"{line}.csv.gz")
    spans = window_spans(pairs)
    random = measure(pairs, make_split(pairs, "random", seed=0), spans)
    assert random is not None
    assert 0.91 <= random.one_label_promoters <= 0.945
    assert random.promoter_seen > 0.9
    assert random.window_overlaps >= random.promoter_seen >= random.both_seen
    for split, fold in (("loco", "chr8"), ("chromosome-kfold:5", "0"), ("element-disjoint", None)):
        held_out = measure(pairs, make_split(pairs, split, fold=fold, seed=0), spans)
        assert held_out is not None
        assert not held_out.leaks
