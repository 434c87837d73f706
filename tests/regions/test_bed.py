from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from epidyn.errors import InputFileError, RegionFileError
from epidyn.regions import COLUMNS, read_bed

GOOD = (
    "# made by hand\n"
    "browser position chr1:1-100\n"
    'track name="elements" description="mine"\n'
    "chr1\t0\t10\n"
    "\n"
    "chr2\t5\t9\tE1\t960\t-\t5\t9\t0\n"
    "chr2 7 19 E2\r\n"
    "2\t8\t20\t.\t.\t.\n"
)


def test_reads_what_is_there(tmp_path: Path):
    (tmp_path / "e.bed").write_text(GOOD)
    table = read_bed(tmp_path / "e.bed", "enhancers")
    assert list(table) == list(COLUMNS)
    assert list(table.itertuples(index=False, name=None)) == [
        ("chr1", 0, 10, "", -1, "", "", 4),
        ("chr2", 5, 9, "-", -1, "E1", "", 6),
        ("chr2", 7, 19, "", -1, "E2", "", 7),
        ("2", 8, 20, "", -1, "", "", 8),
    ]


def test_gzipped_or_not_is_the_same(tmp_path: Path):
    (tmp_path / "e.bed").write_text(GOOD)
    (tmp_path / "e.bed.gz").write_bytes(gzip.compress(GOOD.encode()))
    plain, packed = (read_bed(tmp_path / name, "enhancers") for name in ("e.bed", "e.bed.gz"))
    assert plain.equals(packed)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("chrom\tstart\tend", ("start is 'start'", "no column names")),
        ("chr1\t5", ("2 columns; 3 or more",)),
        ("chr1", ("1 column; 3 or more",)),
        ("chr1\t5\t5", ("start is 5, end is 5", "start below end")),
        ("chr1\t9\t5", ("start is 9, end is 5",)),
        ("chr1\t-1\t5", ("start is '-1'", "whole number from 0")),
        ("chr1\t1\t5.5", ("end is '5.5'",)),
        ("chr1\t1\t9007199254740992", ("end is '9007199254740992'",)),
        ("\t1\t5", ("chromosome is empty",)),
        ("chr1\t1\t5\tx\t0\tplus", ("strand is 'plus'",)),
    ],
)
def test_refuses_a_bad_line_by_its_number(tmp_path: Path, line: str, words: tuple[str, ...]):
    (tmp_path / "e.bed").write_text(f"#\nchr1\t1\t2\n{line}\n")
    with pytest.raises(RegionFileError) as caught:
        read_bed(tmp_path / "e.bed", "enhancers")
    for word in ("enhancers", "e.bed", "1 line cannot", "line 3", *words):
        assert word in str(caught.value)


def test_refuses_a_control_character(tmp_path: Path):
    """A name with one went into a table that no tabix reads."""
    (tmp_path / "e.bed").write_text("chr1\t5\t9\nchr1\t7\t11\ta\x05b\n")
    with pytest.raises(RegionFileError, match=r"e\.bed: line 2 has the control character U\+0005"):
        read_bed(tmp_path / "e.bed", "enhancers")


def test_lists_every_bad_line(tmp_path: Path):
    (tmp_path / "e.bed").write_text("chrom\tstart\tend\nchr1\t1\t2\nchr1\t3\t2\n")
    with pytest.raises(RegionFileError, match="2 lines") as caught:
        read_bed(tmp_path / "e.bed", "enhancers")
    assert [row.split(":")[0] for row in caught.value.rows] == ["line 1", "line 3"]


def test_refuses_a_file_without_elements(tmp_path: Path):
    (tmp_path / "e.bed").write_text("track name=x\n")
    with pytest.raises(RegionFileError, match="no element"):
        read_bed(tmp_path / "e.bed", "enhancers")
    with pytest.raises(InputFileError, match=r"enhancers .*does not exist"):
        read_bed(tmp_path / "none.bed", "enhancers")
