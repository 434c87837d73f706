"""BEDPE in its own convention, read by us and by others."""

from __future__ import annotations

import io
from pathlib import Path

import bioframe
import pandas as pd
import pytest
from hypothesis import given

from epidyn.errors import PairTableError
from epidyn.pairs import REQUIRED, read_pairs, write_pairs
from tests.pairs.tables import UNHURRIED, valid_tables, write_rows

# The first base of the enhancer is 101 and its last 250 for who counts from 1; the promoter lies in front of it.
ROW = ["chr7", "100", "250", "chr7", "20", "90", "e1|p1", "0.75", ".", "-"]
HEADER = ["#chrom1", "start1", "end1", "chrom2", "start2", "end2", "name", "score", "strand1", "strand2"]


def changed(column: int, text: str) -> list[str]:
    return [text if i == column else cell for i, cell in enumerate(ROW)]


def test_a_file_without_header(tmp_path: Path):
    table = read_pairs(write_rows(tmp_path / "a.bedpe", [[*ROW, "x"], [*changed(9, "."), "y"]], "\t"))
    assert table.attrs["format"] == "BEDPE"
    assert table[list(REQUIRED)].values.tolist() == [["chr7", 100, 250, "chr7", 20, 90]] * 2
    assert table["promoter_strand"].tolist() == ["-", ""]
    assert table[["name", "score", "column_11"]].values.tolist() == [
        ["e1|p1", "0.75", "x"],
        ["e1|p1", "0.75", "y"],
    ]
    assert "label" not in table


def test_a_header_names_what_follows_the_ten(tmp_path: Path):
    rows = [[*HEADER, "label", "cell_line"], [*ROW, "1", "K562"], [*changed(1, "101"), "0", "HeLa"]]
    table = read_pairs(write_rows(tmp_path / "a.bedpe", rows, "\t"))
    assert table["label"].tolist() == [1, 0]
    assert table["cell_line"].tolist() == ["K562", "HeLa-S3"]
    assert table["enhancer_start"].tolist() == [100, 101]


def test_chromosomes_without_chr_are_no_bengi(tmp_path: Path):
    row = ["1", "100", "250", "1", "20", "90", "7", "0.75", "+", "-"]
    assert read_pairs(write_rows(tmp_path / "a.tsv", [row], "\t")).attrs["format"] == "BEDPE"


@pytest.mark.parametrize(
    ("column", "text", "complaint"),
    [
        (1, "abc", 'enhancer_start is "abc"'),
        (1, "-1", 'enhancer_start is "-1"'),
        (2, "100", "enhancer_end"),
        (3, "chr8", 'promoter_chrom is "chr8"'),
    ],
)
def test_a_bad_cell_is_told_with_its_line(tmp_path: Path, column: int, text: str, complaint: str):
    path = write_rows(tmp_path / "a.bedpe", [ROW, changed(column, text)], "\t")
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    assert any("line 2" in row and complaint in row for row in caught.value.rows)


def test_written_as_others_read_it(tmp_path: Path):
    table = pd.DataFrame([["chr7", 100, 250, "chr7", 20, 90, 1, "enh", "pro", "-"]])
    table.columns = pd.Index([*REQUIRED, "label", "enhancer_name", "promoter_name", "promoter_strand"])
    write_pairs(table.assign(probability=0.25), tmp_path / "a.bedpe")
    lines = (tmp_path / "a.bedpe").read_text().splitlines()
    assert lines[0].split("\t") == [*HEADER, "label", "enhancer_name", "promoter_name", "probability"]
    assert lines[1].split("\t")[:10] == ["chr7", "100", "250", "chr7", "20", "90", "enh|pro", "0.25", ".", "-"]
    ten = "\n".join("\t".join(line.split("\t")[:10]) for line in lines[1:])
    other = bioframe.read_table(io.StringIO(ten), schema="bedpe")
    assert other.loc[0, ["chrom1", "start1", "end1", "chrom2", "start2", "end2"]].tolist() == list(
        table.iloc[0, :6]
    )
    assert (other.loc[0, "score"], other.loc[0, "strand2"]) == (0.25, "-")


@UNHURRIED
@given(table=valid_tables())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame):
    path = tmp_path_factory.mktemp("bedpe") / "a.bedpe.gz"
    write_pairs(table, path)
    again = read_pairs(path)
    expected = table.copy()
    if "promoter_strand" in expected:
        expected["promoter_strand"] = expected["promoter_strand"].where(expected["promoter_strand"] != ".", "")
    columns = list(expected)
    pd.testing.assert_frame_equal(again[columns], expected, check_dtype=True)
