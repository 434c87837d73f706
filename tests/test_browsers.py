"""What browsers are given: interact by UCSC's rules, written out here; longrange as tabix and pyranges read it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pyranges
import pysam
import pytest

from epidyn.browsers import open_interact, open_longrange
from epidyn.pairs import Write, read_pairs, write_pairs

COUNT = 7


@pytest.fixture
def scores() -> pd.DataFrame:
    """The promoter lies right of the enhancer, left of it, or over it."""
    return pd.DataFrame(
        {
            "enhancer_chrom": ["chr2", "chr1", "chr10", "chr1", "chr2", "chr1", "chrX"],
            "enhancer_start": [0, 9000, 50, 100, 700, 9000, 3],
            "enhancer_end": [100, 9500, 80, 220, 800, 9500, 4],
            "promoter_chrom": ["chr2", "chr1", "10", "chr1", "chr2", "chr1", "chrX"],
            "promoter_start": [5000, 40, 60, 400, 10, 41, 3],
            "promoter_end": [5300, 90, 70, 430, 20, 91, 9],
            "label": [1, 0, 0, 1, 0, 1, 0],
            "cell_line": ["K562"] * (COUNT - 1) + [""],
            "enhancer_name": ["K562|chr2:0-100", "my  enhancer", "", "e", "e", "e", None],
            "promoter_name": ["p", "p", "", "p\tq", "p", "p", None],
            "promoter_strand": ["+", "-", ".", "", "?", "+", "-"],
            "probability": np.array([0.25, 0, 1, 0.12349, 0.5, 1e-7, 0.9996], dtype=np.float32),
        }
    )


def written(
    opening: Callable[[Path], AbstractContextManager[Write]], path: Path, scores: pd.DataFrame, rows: int = COUNT
) -> list[list[str]]:
    """Write the scores in chunks and return the cells of the lines."""
    with opening(path) as write:
        for first in range(0, len(scores), rows):
            write(scores.iloc[first : first + rows])
    return [line.split("\t") for line in path.read_text().splitlines()]


def check_interact(line: list[str]) -> None:
    """Hold a line to UCSC's interact.as, and to what its loader demands of an item of one chromosome."""
    assert len(line) == 18
    assert not any(re.search(r"\s", cell) or cell == "" for cell in line)
    chrom, start, end, _, score, value, _, color = line[:8]
    ends = [line[8:13], line[13:18]]
    assert 0 <= int(start) < int(end)
    assert 0 <= int(score) <= 1000
    float(value)
    assert re.fullmatch(r"0|\d+,\d+,\d+|#[0-9A-Fa-f]{6}", color)
    for end_chrom, end_start, end_end, _, strand in ends:
        assert end_chrom == chrom
        assert int(start) <= int(end_start) < int(end_end) <= int(end)
        assert strand in ("+", "-", ".")
    assert int(start) == min(int(each[1]) for each in ends)
    assert int(end) == max(int(each[2]) for each in ends)


@pytest.mark.parametrize("rows", [2, COUNT])
def test_interact_keeps_the_rules_and_the_order(tmp_path, scores, rows):
    track, header, *lines = written(open_interact, tmp_path / "a.interact", scores, rows)
    settings = dict(word.split("=") for word in shlex.split(track[0])[1:])
    assert (settings["type"], settings["name"], settings["interactDirectional"]) == (
        "interact",
        "a.interact",
        "true",
    )
    assert (header[0], len(header)) == ("#chrom", 18)
    assert len(lines) == COUNT
    for line in lines:
        check_interact(line)
    assert [line[9] for line in lines] == [str(start) for start in scores["enhancer_start"]]
    assert [line[14] for line in lines] == [str(start) for start in scores["promoter_start"]]
    assert [line[4] for line in lines] == ["250", "0", "1000", "123", "500", "0", "1000"]
    np.testing.assert_allclose([float(line[5]) for line in lines], scores["probability"], rtol=1e-6)


def test_interact_of_known_pairs_number_by_number(tmp_path, scores):
    _, _, *lines = written(open_interact, tmp_path / "a.interact", scores)
    shown = ["\t".join(line) for line in lines]
    assert shown[0] == (
        "chr2\t0\t5300\tK562|chr2:0-100/p\t250\t0.25\tK562\t0\t"
        "chr2\t0\t100\tK562|chr2:0-100\t.\tchr2\t5000\t5300\tp\t+"
    )
    assert shown[1] == (
        "chr1\t40\t9500\tmy_enhancer/p\t0\t0\tK562\t0\tchr1\t9000\t9500\tmy_enhancer\t.\tchr1\t40\t90\tp\t-"
    )
    assert shown[2] == "chr10\t50\t80\t.\t1000\t1\tK562\t0\tchr10\t50\t80\t.\t.\tchr10\t60\t70\t.\t."
    assert shown[6] == "chrX\t3\t9\t.\t1000\t0.9996\t.\t0\tchrX\t3\t4\t.\t.\tchrX\t3\t9\t.\t-"


def test_interact_needs_no_names_and_its_track_line_survives_any_file_name(tmp_path, scores):
    bare = scores[[name for name in scores if name.split("_")[1:] not in (["name"], ["line"], ["strand"])]]
    track, _, *lines = written(open_interact, tmp_path / 'it\'s "mine".interact', bare)
    for line in lines:
        check_interact(line)
    assert 'name="its mine.interact"' in track[0]


@pytest.mark.parametrize("rows", [1, 3, COUNT])
def test_longrange_says_each_pair_at_both_ends_in_order(tmp_path, scores, rows):
    lines = written(open_longrange, tmp_path / "a.longrange", scores, rows)
    expected = []
    for pair in scores.itertuples():
        chrom, probability = pair.enhancer_chrom, f"{pair.probability:.7g}"
        enhancer, promoter = (pair.enhancer_start, pair.enhancer_end), (pair.promoter_start, pair.promoter_end)
        for (start, end), (other, other_end) in ((enhancer, promoter), (promoter, enhancer)):
            expected.append([chrom, str(start), str(end), f"{chrom}:{other}-{other_end},{probability}"])
    assert sorted(lines) == sorted(expected)
    assert lines == sorted(lines, key=lambda line: (line[0], int(line[1]), int(line[2])))
    assert lines[0] == ["chr1", "40", "90", "chr1:9000-9500,0"]
    assert lines[-1] == ["chrX", "3", "9", "chrX:3-4,0.9996"]


def test_tabix_finds_the_lines_of_a_longrange(tmp_path, scores):
    path = tmp_path / "a.longrange"
    written(open_longrange, path, scores)
    indexed = pysam.tabix_index(str(path), preset="bed", keep_original=True)
    with pysam.TabixFile(indexed) as tabix:
        assert list(tabix.fetch("chr1", 9100, 9101)) == [
            "chr1\t9000\t9500\tchr1:40-90,0",
            "chr1\t9000\t9500\tchr1:41-91,1e-07",
        ]
        assert list(tabix.fetch("chr1", 90, 91)) == ["chr1\t41\t91\tchr1:9000-9500,1e-07"]


def test_pyranges_reads_both_as_bed(tmp_path, scores):
    """It takes interact's first columns and longrange's first three as those of BED."""
    written(open_longrange, tmp_path / "a.longrange", scores)
    ranges = pyranges.read_bed(str(tmp_path / "a.longrange"))
    assert len(ranges) == 2 * COUNT
    assert ranges["chrX"].df[["Start", "End"]].to_numpy().tolist() == [[3, 4], [3, 9]]
    written(open_interact, tmp_path / "a.interact", scores)
    table = pd.read_csv(tmp_path / "a.interact", sep="\t", skiprows=1).rename(columns={"#chrom": "chrom"})
    ranges = pyranges.PyRanges(
        table.rename(columns={"chrom": "Chromosome", "chromStart": "Start", "chromEnd": "End"})
    )
    assert ranges["chr2"].df["End"].tolist() == [5300, 800]


@pytest.mark.parametrize("opening", [open_interact, open_longrange])
def test_a_failure_leaves_nothing(tmp_path, scores, opening):
    def fail() -> None:
        with opening(tmp_path / "out") as write:
            write(scores)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_scored_bedpe_reads_back_with_its_probabilities(tmp_path, scores):
    table = scores.drop(columns=["enhancer_name", "promoter_name"])
    write_pairs(table, tmp_path / "a.bedpe")
    again = read_pairs(tmp_path / "a.bedpe")
    np.testing.assert_array_equal(again["probability"].astype(np.float32), table["probability"])
    assert (again["score"] == again["probability"]).all()
