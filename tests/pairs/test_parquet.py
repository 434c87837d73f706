"""Parquet with our column names: types, chunks, and what cannot be used."""

from __future__ import annotations

import builtins
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn.errors import ConfigError, InputFileError, PairTableError
from epidyn.pairs import REQUIRED, iter_pairs, read_pairs, write_pairs
from tests.pairs.tables import UNHURRIED, valid_tables

COUNT = 5


def columns(**changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "enhancer_chrom": ["chr1"] * COUNT,
        "enhancer_start": [0, 7, 20, 30, 40],
        "enhancer_end": [5, 9, 25, 35, 45],
        "promoter_chrom": ["1"] * COUNT,
        "promoter_start": [100, 200, 300, 400, 500],
        "promoter_end": [101, 202, 303, 404, 505],
        "label": [1, 0, 0, 1, 0],
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


def parquet(path: Path, **changes: object) -> Path:
    pq.write_table(pa.table(columns(**changes)), path, row_group_size=2)
    return path


@settings(UNHURRIED, max_examples=30)
@given(valid_tables(), st.integers(1, 9))
def test_what_is_written_reads_back_equal_in_chunks_of_any_size(table, rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        write_pairs([table.iloc[:2], table.iloc[2:]] if len(table) > 2 else table, path)
        whole, chunks = read_pairs(path), list(iter_pairs(path, rows=rows))
        independent = pd.read_parquet(path)
    pd.testing.assert_frame_equal(whole, table)
    pd.testing.assert_frame_equal(pd.concat(chunks), table)
    assert [len(chunk) for chunk in chunks[:-1]] == [rows] * (len(chunks) - 1)
    assert whole.attrs == {"source": str(path), "format": "Parquet, epidyn columns"}
    pd.testing.assert_frame_equal(independent, table, check_dtype=False)


def test_known_places_and_types_of_others(tmp_path):
    """Coordinates are 0-based, half-open, whatever integers hold them; a column of ours is no one else's type."""
    path = parquet(
        tmp_path / "a.parquet",
        enhancer_start=pa.array([0, 7, 20, 30, 40], pa.uint16()),
        enhancer_end=[5.0, 9.0, 25.0, 35.0, 45.0],
        promoter_chrom=pa.array([1] * COUNT, pa.int8()),
        label=[True, False, False, True, False],
        cell_line=pa.array(["HeLa", "K562", None, "K562", "K562"]).dictionary_encode(),
        gene=pa.array(["a", None, "b", "c", "d"]),
        tss=[None, 5, 6, 7, 8],
        count=[1, None, 3, 4, 5],
        fold_change=[1.5, None, 2.5, 3.0, 4.0],
        note=["x", None, "y", "z", "w"],
    )
    table = read_pairs(path)
    assert table[list(REQUIRED)].head(2).to_numpy().tolist() == [
        ["chr1", 0, 5, "1", 100, 101],
        ["chr1", 7, 9, "1", 200, 202],
    ]
    assert table["label"].tolist() == [1, 0, 0, 1, 0]
    assert table["cell_line"].tolist() == ["HeLa-S3", "K562", "", "K562", "K562"]
    assert table["gene"].tolist() == ["a", "", "b", "c", "d"]
    assert (table["tss"].dtype, table["tss"].isna().tolist()) == ("Int64", [True] + [False] * 4)
    assert table["note"].tolist() == ["x", "", "y", "z", "w"]
    types = [{name: chunk[name].dtype for name in chunk} for chunk in iter_pairs(path, rows=2)]
    assert types[0] == types[1] == types[2]
    assert (types[0]["count"], types[0]["fold_change"]) == ("Int64", "float64")


@pytest.mark.parametrize("rows", [1, 2, 3, 9])
def test_the_bytes_that_a_bar_is_told_add_up(tmp_path, rows):
    path, told = parquet(tmp_path / "a.parquet"), []
    chunks = list(iter_pairs(path, rows=rows, on_bytes=told.append))
    assert sum(told) == path.stat().st_size
    assert len(told) == len(chunks) + 1
    assert min(told) >= 0


def test_bad_rows_are_named_by_number(tmp_path):
    path = parquet(
        tmp_path / "a.parquet",
        enhancer_start=[0, 7, -1, 30, 40],
        promoter_end=[101, 202, 303, None, 505],
        label=[1, 0, 0, 1, 2],
    )
    with pytest.raises(PairTableError, match="3 rows cannot be used") as caught:
        list(iter_pairs(path, rows=2))
    assert caught.value.rows == (
        'row 2: enhancer_start is "-1"; a whole number from 0 is needed',
        "row 3: promoter_end is empty; a whole number from 0 is needed",
        'row 4: label is "2"; 0 or 1 is needed',
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"promoter_end": None}, "promoter_end"),
        ({"enhancer_start": [[1]] * COUNT}, "enhancer_start is of type list"),
        ({"enhancer_chrom": [1.0] * COUNT}, "enhancer_chrom is of type double; text is needed"),
        ({"label": [b"1"] * COUNT}, "label is of type binary; whole numbers are needed"),
        ({"gene": [{"name": "a"}] * COUNT}, "gene is of type struct"),
    ],
)
def test_a_schema_that_cannot_be_used_names_its_column(tmp_path, changes, words):
    path = parquet(tmp_path / "a.parquet", **changes)
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    assert "a.parquet" in str(caught.value)
    assert words in str(caught.value)


def test_a_file_without_rows_and_damaged_ones(tmp_path):
    pq.write_table(pa.table({name: pa.array(value)[:0] for name, value in columns().items()}), tmp_path / "no")
    with pytest.raises(PairTableError, match="no rows"):
        read_pairs(tmp_path / "no")
    whole = parquet(tmp_path / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputFileError, match=r"cut\.parquet cannot be read as Parquet.*again"):
        read_pairs(tmp_path / "cut.parquet")


def test_without_the_extra_the_cure_is_said(tmp_path, monkeypatch):
    path = parquet(tmp_path / "a.parquet")
    table = read_pairs(path)
    imported = builtins.__import__

    def without(name: str, *more: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return imported(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    for act in (lambda: read_pairs(path), lambda: write_pairs(table, tmp_path / "b.parquet")):
        with pytest.raises(ConfigError, match=r"parquet: Parquet needs pyarrow.*pip install 'epidyn\[parquet\]'"):
            act()
    assert list(tmp_path.iterdir()) == [path]


def test_chunks_of_other_types_leave_nothing(tmp_path):
    table = pd.DataFrame(columns())
    with pytest.raises(PairTableError, match="Parquet cannot hold it"):
        write_pairs([table.assign(x=1), table.assign(x="a")], tmp_path / "b.parquet")
    with pytest.raises(PairTableError, match="Parquet cannot hold it"):
        write_pairs(table.assign(x=pd.Series([1, "a", 2, 3, 4], dtype=object)), tmp_path / "b.parquet")
    assert not list(tmp_path.iterdir())
