"""Pooling pair tables: lines stay apart and known, and what cannot be is refused with file and row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from epidyn.errors import PairTableError
from epidyn.pairs import line_rows, pool_pairs, read_pairs, refuse_two_labels, write_pairs

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write pairs of (enhancer start, label) on chr1, their promoter 1000 bases behind, with other columns."""

    def made(name: str, rows: list[tuple[int, int]], **columns: object) -> Path:
        table = pd.DataFrame({"label": [label for _, label in rows]})
        for role, offset in (("enhancer", 0), ("promoter", 1000)):
            start = [at + offset for at, _ in rows]
            table = table.assign(**{f"{role}_chrom": "chr1", f"{role}_start": start, f"{role}_end": start})
            table[f"{role}_end"] += 10
        write_pairs(table.assign(**columns), tmp_path / name)
        return tmp_path / name

    return made


def test_lines_stay_known_and_columns_are_united(write: Write, caplog: pytest.LogCaptureFixture):
    one = write("one.csv", [(1, 1), (2, 0)], cell_line=["NHEK", "HeLa"], tss=[5, 6])
    two = write("K562.pairs.tsv.gz", [(1, 0)], note=["x"])
    with caplog.at_level("INFO", logger="epidyn"):
        pooled = pool_pairs([one, two])
    assert pooled["cell_line"].tolist() == ["NHEK", "HeLa-S3", "K562"]
    assert f"{two} names no cell line; it is taken as the line K562" in caplog.text
    assert pooled["enhancer_start"].tolist() == [1, 2, 1]
    assert pooled["note"].tolist() == ["", "", "x"]
    assert pooled["tss"].tolist() == [5, 6, pd.NA]
    assert pooled.index.tolist() == [0, 1, 2]
    assert pooled["label"].dtype == "int8"
    assert {line: rows.tolist() for line, rows in line_rows(pooled).items()} == {
        "HeLa-S3": [1],
        "K562": [2],
        "NHEK": [0],
    }


def test_one_table_is_as_it_was_read(write: Write):
    path = write("one.csv", [(1, 1), (2, 0)], note=["", "y"])
    pooled = pool_pairs([path])
    pd.testing.assert_frame_equal(pooled.drop(columns="cell_line"), read_pairs(path))
    assert {line: rows.tolist() for line, rows in line_rows(pooled).items()} == {"one": [0, 1]}
    assert {line: rows.tolist() for line, rows in line_rows(read_pairs(path)).items()} == {"": [0, 1]}
    empty = write("empty.csv", [(1, 1), (2, 0)], cell_line="")
    assert set(pool_pairs([empty])["cell_line"]) == {"empty"}


def test_two_tables_of_a_line(write: Write):
    one = write("one.csv", [(1, 1)], cell_line="HeLa-S3")
    two = write("HeLa.csv", [(2, 0)])
    with pytest.raises(PairTableError, match=r"each cell line must lie in one table\. Put") as caught:
        pool_pairs([one, two])
    assert caught.value.rows == (f"HeLa-S3: {one}, {two}",)


def test_a_table_given_twice(write: Write):
    one = write("one.csv", [(1, 1)])
    with pytest.raises(PairTableError, match="each cell line must lie in one table"):
        pool_pairs([one, one])


def test_rows_that_name_no_line(write: Write):
    one = write("one.csv", [(1, 1), (2, 1)], cell_line=["A", ""])
    with pytest.raises(PairTableError, match=r"one\.csv: 1 rows have an empty cell_line and others") as caught:
        pool_pairs([one])
    assert caught.value.rows == ("row 1",)


def test_a_table_without_labels(write: Write, tmp_path: Path):
    one, two = write("one.csv", [(1, 1)]), tmp_path / "two.csv"
    pd.read_csv(one).drop(columns="label").to_csv(two, index=False)
    for paths in ([two], [one, two]):
        with pytest.raises(PairTableError, match=r"two\.csv has no label column"):
            pool_pairs(paths)


def test_two_labels_of_a_pair_are_named_by_file_and_row(write: Write):
    one = write("one.csv", [(1, 1), (2, 0), (7, 0)], cell_line="A")
    two = write(
        "two.csv", [(9, 0), (1, 0), (5, 1), (5, 0), (5, 1), (1, 1)], cell_line=["B", "B", "C", "C", "C", "C"]
    )
    with pytest.raises(PairTableError, match="1 pair has both labels in one cell line") as caught:
        refuse_two_labels(pool_pairs([one, two]))
    assert caught.value.rows == (f"C chr1 5 15 chr1 1005 1015: label 0 in {two} row 3, label 1 in {two} row 2",)


def test_a_pair_may_differ_between_lines(write: Write):
    one, two = write("one.csv", [(1, 1), (1, 1)]), write("two.csv", [(1, 0)])
    refuse_two_labels(pool_pairs([one, two]))
