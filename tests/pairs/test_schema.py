from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn.errors import PairTableError
from epidyn.pairs import OPTIONAL, REQUIRED, validate
from epidyn.pairs.schema import (
    CELL_LINES,
    by_value,
    canonical_cell_line,
    in_order,
    shown_columns,
    whole_numbers,
)
from tests.pairs import slow
from tests.pairs.tables import UNHURRIED, valid_tables


def one_row(**changes: object) -> pd.DataFrame:
    cells: dict[str, object] = {
        "enhancer_chrom": "chr1",
        "enhancer_start": "10",
        "enhancer_end": "20",
        "promoter_chrom": "chr1",
        "promoter_start": "300",
        "promoter_end": "450",
    }
    return pd.DataFrame({name: [cell] for name, cell in (cells | changes).items()})


def test_cell_lines_are_spelled_one_way():
    assert [canonical_cell_line(line) for line in CELL_LINES] == list(CELL_LINES)
    assert canonical_cell_line("HeLa") == "HeLa-S3"
    assert canonical_cell_line("H1") == "H1"


NUMBER_CELLS = (
    st.sampled_from(
        [
            "5",
            "100.0",
            "1.05e+08",
            " 7 ",
            "+5",
            "-5",
            "-0",
            "1.5",
            "abc",
            "",
            "  ",
            "inf",
            "nan",
            "NA",
            "True",
        ]
    )
    | st.sampled_from(["1_000", "1,000", "0x1A", "\uff11\uff12", "1e400", "5e", "9007199254740991"])
    | st.sampled_from(["9007199254740992", "99999999999999999999", "1d5", ".", "1.", ".5e1"])
    | st.integers(0, 30).map(str)
    | st.text("0123456789.eE+- x_", max_size=6)
)


@UNHURRIED
@given(st.lists(NUMBER_CELLS, min_size=1, max_size=6))
def test_whole_numbers_agree_with_the_slow_twin(cells):
    values, good = whole_numbers(pd.Series(cells, dtype="str"))
    expected = [slow.whole(cell) for cell in cells]
    assert good.tolist() == [number is not None for number in expected]
    assert values.tolist() == [-1 if number is None else number for number in expected]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([3, 0, -2]), [3, 0, -1]),
        (pd.Series([3.0, 0.5, np.nan]), [3, -1, -1]),
        (pd.Series([3, None], dtype="Int64"), [3, -1]),
        (pd.Series([3, "4", None, "x"], dtype=object), [3, 4, -1, -1]),
        (pd.Series(["1", str(2**63)], dtype="str"), [1, -1]),
        (pd.Series([], dtype="str"), []),
    ],
)
def test_whole_numbers_of_any_type_of_column(column, expected):
    values, good = whole_numbers(column)
    assert values.dtype == np.int64
    assert values.tolist() == expected
    assert good.tolist() == [value >= 0 for value in expected]


def test_by_value_shares_equal_texts_and_reads_missing_as_empty():
    result = by_value(pd.Series([" chr1", None, "chr1", "chr2 "], dtype=object), str.strip)
    assert result.tolist() == ["chr1", "", "chr1", "chr2"]
    assert result[0] is result[2]


MESSY_ROWS = st.fixed_dictionaries(
    {
        name: st.sampled_from(["chr1", "chr2", " chr1 ", "", " "]) if name.endswith("chrom") else NUMBER_CELLS
        for name in REQUIRED
    }
    | {"label": st.sampled_from(["0", "1", "1.0", "2", "-1", "", "yes", "0.5"]), "tss": NUMBER_CELLS}
)


@UNHURRIED
@given(st.lists(MESSY_ROWS, min_size=1, max_size=6), st.integers(2, 1000))
def test_complaints_are_those_of_the_slow_twin(rows, first_line):
    table = pd.DataFrame(rows, dtype="str")
    lines = [first_line + 3 * i for i in range(len(rows))]
    expected = slow.validate(table, lines)
    if not expected:
        assert validate(table, "table.csv", lines)["enhancer_start"].dtype == np.int64
        return
    with pytest.raises(PairTableError) as caught:
        validate(table, "table.csv", lines)
    assert list(caught.value.rows) == expected
    bad = sum(bool(slow.complaints(row)) for row in rows)
    assert caught.value.headline.startswith(f"table.csv: {bad} row")


@UNHURRIED
@given(valid_tables())
def test_a_valid_table_comes_back_equal_and_its_texts_get_types(table):
    pd.testing.assert_frame_equal(validate(table, "table"), table)
    text = table.astype(dict.fromkeys(REQUIRED, "str"))
    pd.testing.assert_frame_equal(validate(text, "table"), table)


def test_types_index_attrs_and_order_of_columns():
    table = one_row(label="1.0", enhancer_end="2e1", tss="", promoter_strand=" - ")
    table = table[["label", "tss", *reversed(REQUIRED), "promoter_strand"]].set_axis([41])
    table.insert(0, "score", ["007"])
    table.attrs["source"] = "here"
    before = table.copy()
    checked = validate(table, "table")
    pd.testing.assert_frame_equal(table, before)
    assert list(checked) == [*REQUIRED, "label", "tss", "promoter_strand", "score"]
    assert checked.index.tolist() == [41]
    assert checked.attrs == {"source": "here"}
    assert [str(checked[name].dtype) for name in ("enhancer_end", "label", "tss")] == [
        "int64",
        "int8",
        "Int64",
    ]
    row = checked.loc[41]
    assert (row["enhancer_end"], row["label"], row["promoter_strand"], row["score"]) == (20, 1, "-", "007")
    assert row["tss"] is pd.NA


def test_rows_of_a_table_without_lines_count_from_0():
    table = pd.concat([one_row(), one_row(enhancer_start="abc", promoter_end="-3")], ignore_index=True)
    with pytest.raises(PairTableError) as caught:
        validate(table, "my pairs")
    assert caught.value.rows == (
        'row 1: enhancer_start is "abc"; a whole number from 0 is needed',
        'row 1: promoter_end is "-3"; a whole number from 0 is needed',
    )
    assert (
        str(caught.value).splitlines()[0] == "my pairs: 1 row cannot be used (rows count from 0). Mend or remove:"
    )


def test_two_chromosomes_can_be_allowed():
    table = one_row(promoter_chrom="chr2")
    with pytest.raises(PairTableError, match="one chromosome is needed"):
        validate(table, "table", [2])
    assert validate(table, "table", [2], same_chromosome=False).loc[0, "promoter_chrom"] == "chr2"


@pytest.mark.parametrize("column", REQUIRED)
def test_a_missing_value_is_a_bad_row(column):
    with pytest.raises(PairTableError, match=f"{column} is empty"):
        validate(one_row(**{column: None}), "table", [2])


def test_a_missing_column_is_named_with_those_found_and_the_formats():
    with pytest.raises(PairTableError) as caught:
        validate(one_row().drop(columns=["enhancer_end", "promoter_chrom"]), "table")
    message = caught.value.headline
    assert "missing: enhancer_end, promoter_chrom. It has: enhancer_chrom, enhancer_start," in message
    assert "TargetFinder" in message
    assert "BENGI" in message


def test_a_column_given_twice_is_refused():
    table = pd.concat([one_row(), one_row()[["enhancer_end"]]], axis=1)
    with pytest.raises(PairTableError, match='more than one column is called "enhancer_end"'):
        validate(table, "table")


def test_hela_is_read_as_hela_s3_and_said_once(caplog):
    table = pd.concat([one_row(cell_line=line) for line in (" HeLa", "HeLa", "K562 ", "H1")], ignore_index=True)
    with caplog.at_level(logging.INFO, logger="epidyn"):
        checked = validate(table, "my pairs")
        assert checked["cell_line"].tolist() == ["HeLa-S3", "HeLa-S3", "K562", "H1"]
        assert caplog.messages == ["my pairs: cell line HeLa read as HeLa-S3"]
        validate(checked, "again")
    assert len(caplog.messages) == 1


def test_an_empty_table_in_memory_is_valid():
    assert validate(one_row().iloc[:0], "table").empty


def test_order_and_showing_of_columns():
    assert in_order(["z", "split", "label", "promoter_end"]) == ["promoter_end", "label", "split", "z"]
    assert set(OPTIONAL).isdisjoint(REQUIRED)
    assert shown_columns(["a", "b c"]) == 'a, "b c"'
    assert shown_columns(list("abcde"), most=3) == "a, b, c, ... and 2 more"
