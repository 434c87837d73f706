from __future__ import annotations

import gzip

import pandas as pd
import pytest

from epidyn.errors import OutputError, PairTableError
from epidyn.pairs import REQUIRED, iter_pairs, read_pairs, write_pairs


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "score": [0.1, 1 / 3, None],
            "label": [1, 0, 1],
            "promoter_end": [30, 31, 32],
            "promoter_start": [20, 21, 22],
            "promoter_chrom": ["chr1", "chr2", "chr2"],
            "enhancer_end": [3, 4, 5],
            "enhancer_start": [1, 2, 3],
            "enhancer_chrom": ["chr1", "chr2", "chr2"],
        }
    )


LINES = [
    ",".join([*REQUIRED, "label", "score"]),
    "chr1,1,3,chr1,20,30,1,0.1",
    "chr2,2,4,chr2,21,31,0,0.3333333333333333",
    "chr2,3,5,chr2,22,32,1,",
]


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.b.TSV", "\t"), ("x.tsv.gz", "\t")])
def test_columns_in_our_order_and_the_delimiter_by_the_name(tmp_path, table, name, delimiter):
    write_pairs(table, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith("gz") else content).decode()
    assert text.splitlines() == [line.replace(",", delimiter) for line in LINES]


def test_chunks_make_the_same_file_as_the_whole_table(tmp_path, table):
    write_pairs(table, tmp_path / "whole.csv.gz")
    shuffled = table.iloc[1:, ::-1]
    write_pairs(iter([table.iloc[:1], shuffled]), tmp_path / "chunks.csv.gz")
    assert (tmp_path / "chunks.csv.gz").read_bytes() == (tmp_path / "whole.csv.gz").read_bytes()
    write_pairs(iter_pairs(tmp_path / "whole.csv.gz", rows=2), tmp_path / "again.csv")
    pd.testing.assert_frame_equal(read_pairs(tmp_path / "again.csv"), read_pairs(tmp_path / "whole.csv.gz"))


@pytest.mark.parametrize("name", ["a.txt", "a", "a.gz", "a.csv.bz2", "a.parquet.gz"])
def test_a_name_of_another_kind_is_refused(tmp_path, table, name):
    with pytest.raises(OutputError, match=r"must end in \.csv, \.tsv"):
        write_pairs(table, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_what_was_there(tmp_path, table):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(PairTableError, match="missing: enhancer_chrom"):
        write_pairs(table.drop(columns="enhancer_chrom"), target)
    with pytest.raises(PairTableError, match="differ in columns"):
        write_pairs(iter([table, table.drop(columns="score")]), target)
    with pytest.raises(PairTableError, match="nothing to write"):
        write_pairs(iter([]), target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_is_said(tmp_path, table):
    with pytest.raises(OutputError, match="no folder"):
        write_pairs(table, tmp_path / "none" / "a.csv")
