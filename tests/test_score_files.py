"""Scores as others read them: browsers' rules written out, and tables."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from epidyn.pairs import REQUIRED, read_pairs
from epidyn.score_files import open_scores

# Promoter in front of the enhancer, and behind it; 0-based, half-open.
ROWS = [
    ["chr2", 500, 620, "chr2", 100, 180, "e 1", "p1", "-", -1.5, 0.1824],
    ["chr1", 40, 60, "chr1", 900, 960, "e2", "", ".", 2.0, 0.8808],
]
COLUMNS = [*REQUIRED, "enhancer_name", "promoter_name", "promoter_strand", "logit", "probability"]


def written(path: Path) -> Path:
    table = pd.DataFrame(ROWS, columns=COLUMNS)
    with open_scores(path) as write:
        write(table[:1])
        write(table[1:])
    return path


def check_interact(text: str) -> list[list[str]]:
    """The rules of UCSC's interact.as: 18 fields, numbers where they belong, the item over both ends."""
    track, *lines = text.splitlines()
    assert track.startswith("track type=interact ")
    rows = [line.split("\t") for line in lines]
    for row in rows:
        assert len(row) == 18
        assert all(cell and not re.search(r"\s", cell) for cell in row)
        chrom, start, end, _, score, value, _, color = row[:8]
        assert 0 <= int(score) <= 1000
        float(value)
        assert re.fullmatch(r"\d+,\d+,\d+", color)
        ends = [(row[8], int(row[9]), int(row[10])), (row[13], int(row[14]), int(row[15]))]
        assert {chrom} == {each[0] for each in ends}
        assert int(start) == min(each[1] for each in ends)
        assert int(end) == max(each[2] for each in ends)
        assert all(each[1] < each[2] for each in ends)
        assert row[12] in "+-."
        assert row[17] in "+-."
    return rows


def test_interact(tmp_path: Path):
    rows = check_interact(written(tmp_path / "a.interact").read_text())
    first = "chr2\t100\t620\te_1|p1\t182\t0.1824\t.\t0,114,178\tchr2\t500\t620\te_1\t.\tchr2\t100\t180\tp1\t-"
    second = "chr1\t40\t960\te2|\t881\t0.8808\t.\t0,114,178\tchr1\t40\t60\te2\t.\tchr1\t900\t960\t.\t."
    assert ["\t".join(row) for row in rows] == [first, second]


def test_longrange_has_both_ends_in_order(tmp_path: Path):
    lines = [line.split("\t") for line in written(tmp_path / "a.longrange").read_text().splitlines()]
    assert lines == [
        ["chr1", "40", "60", "chr1:900-960,0.8808"],
        ["chr1", "900", "960", "chr1:40-60,0.8808"],
        ["chr2", "100", "180", "chr2:500-620,0.1824"],
        ["chr2", "500", "620", "chr2:100-180,0.1824"],
    ]


def test_tables(tmp_path: Path):
    tsv, parquet, bedpe = (written(tmp_path / f"a.{end}") for end in ("tsv", "parquet", "bedpe"))
    for path in (tsv, parquet, bedpe):
        table = read_pairs(path)
        assert table[list(REQUIRED)].values.tolist() == [row[:6] for row in ROWS], path
        assert table["probability"].astype(float).tolist() == [0.1824, 0.8808]
    assert read_pairs(bedpe)["score"].tolist() == ["0.1824", "0.8808"]
    assert pd.read_parquet(parquet)["logit"].tolist() == [-1.5, 2.0]
    assert tsv.read_text().splitlines()[0] == "\t".join(COLUMNS)


@pytest.mark.parametrize("end", ["tsv", "bedpe", "parquet", "interact", "longrange"])
def test_a_failure_leaves_what_was_there(tmp_path: Path, end: str):
    path = tmp_path / f"a.{end}"
    path.write_text("before")

    def fail() -> None:
        with open_scores(path) as write:
            write(pd.DataFrame(ROWS, columns=COLUMNS))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
