"""Parquet in and out, and files that are none."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from epidyn.errors import ConfigError, InputFileError, PairTableError
from epidyn.pairs import REQUIRED, iter_pairs, read_pairs, write_pairs
from tests.pairs.tables import UNHURRIED, valid_tables

ROWS = [["chr1", 10, 50, "chr1", 90, 120, 1, 0.5], ["2", 5, 6, "2", 7, 9, 0, 1.0]]


def table() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=[*REQUIRED, "label", "weight"])


def test_others_read_what_we_write_and_we_what_they_write(tmp_path: Path):
    write_pairs(table(), tmp_path / "ours.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "ours.parquet"), table())
    table().to_parquet(tmp_path / "theirs", index=True)
    read = read_pairs(tmp_path / "theirs")  # known by its content
    assert read.attrs["format"] == "Parquet"
    assert read[[*REQUIRED, "label"]].values.tolist() == [row[:7] for row in ROWS]
    assert read["weight"].tolist() == ["0.5", "1.0"]


@UNHURRIED
@given(table=valid_tables())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame):
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    write_pairs([table, table], path)
    pd.testing.assert_frame_equal(read_pairs(path), pd.concat([table, table], ignore_index=True))


def test_chunks_and_bytes_add_up(tmp_path: Path):
    whole = pd.concat([table()] * 50, ignore_index=True)
    pq.write_table(pq.read_table(_written(whole, tmp_path)), tmp_path / "b.parquet", row_group_size=17)
    counted: list[int] = []
    chunks = list(iter_pairs(tmp_path / "b.parquet", rows=30, on_bytes=counted.append))
    assert max(map(len, chunks)) <= 30
    assert pd.concat(chunks).index.tolist() == list(range(100))
    assert sum(counted) == (tmp_path / "b.parquet").stat().st_size
    assert min(counted) >= 0


def _written(whole: pd.DataFrame, folder: Path) -> Path:
    write_pairs(whole, folder / "a.parquet")
    return folder / "a.parquet"


def test_bad_rows_and_columns_are_told(tmp_path: Path):
    bad = table().assign(promoter_chrom=["chr1", "3"], label=[1, 7])
    bad.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(PairTableError) as caught:
        read_pairs(tmp_path / "a.parquet")
    assert all("row 2" in row for row in caught.value.rows)
    assert any('label is "7"' in row for row in caught.value.rows)
    table().drop(columns="promoter_end").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(PairTableError, match=r"b\.parquet: .*missing: promoter_end"):
        read_pairs(tmp_path / "b.parquet")
    table()[:0].to_parquet(tmp_path / "c.parquet")
    with pytest.raises(PairTableError, match="no rows"):
        read_pairs(tmp_path / "c.parquet")


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_file_is_told(tmp_path: Path, damage: str):
    path = _written(pd.concat([table()] * 500, ignore_index=True), tmp_path)
    content = path.read_bytes()
    path.write_bytes(
        content[: len(content) // 2] if damage == "cut" else content[:50] + bytes(900) + content[950:]
    )
    with pytest.raises(InputFileError, match="damaged Parquet"):
        read_pairs(path)


def test_without_pyarrow_the_cure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = _written(table(), tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for call in (lambda: read_pairs(path), lambda: write_pairs(table(), tmp_path / "b.parquet")):
        with pytest.raises(ConfigError, match=r"pip install 'epidyn\[parquet\]'"):
            call()
    assert builtins.list(tmp_path.iterdir()) == [path]
