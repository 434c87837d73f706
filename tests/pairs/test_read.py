from __future__ import annotations

import csv
import gzip
import io
import logging
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn.errors import ConfigError, InputFileError, PairTableError
from epidyn.pairs import REQUIRED, iter_pairs, read_pairs, write_pairs
from epidyn.pairs.read import LAYOUTS
from tests.pairs.tables import UNHURRIED, valid_tables, write_rows, write_text

HEADER = [*REQUIRED, "label"]
ROW = ["chr1", "100", "200", "chr1", "9000", "9100", "1"]


def rows_with(changes: dict[int, dict[str, str]], count: int) -> list[list[str]]:
    """Return ``count`` good rows, of which those in ``changes`` (0-based) have other cells."""
    return [
        [changes.get(i, {}).get(name, cell) for name, cell in zip(HEADER, ROW, strict=True)] for i in range(count)
    ]


@UNHURRIED
@given(
    valid_tables(),
    st.sampled_from([".csv", ".tsv", ".csv.gz", ".tsv.gz"]),
    st.integers(1, 9),
    st.booleans(),
)
def test_what_is_written_reads_back_equal_in_chunks_of_any_size(table, suffix, rows, crlf):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        write_pairs(table, path)
        if crlf and not suffix.endswith(".gz"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        whole = read_pairs(path)
        chunks = list(iter_pairs(path, rows=rows))
    pd.testing.assert_frame_equal(whole, table)
    assert isinstance(whole.index, pd.RangeIndex)
    assert [len(chunk) for chunk in chunks[:-1]] == [rows] * (len(chunks) - 1)
    pd.testing.assert_frame_equal(pd.concat(chunks), table)
    assert all(chunk.attrs == whole.attrs for chunk in chunks)
    assert whole.attrs == {"source": str(path), "format": "epidyn columns"}


BAD_CELLS = {
    "enhancer_chrom": ["", "chr2"],
    "promoter_chrom": ["", "chr2"],
    "label": ["2", "yes", "", "-1", "0.5"],
    **{
        name: ["abc", "-1", "1.5", "", "inf", "0x10", "1_0", "\uff11", "1e400"]
        for name in REQUIRED
        if not name.endswith("chrom")
    },
}


@UNHURRIED
@given(st.data(), st.integers(1, 8), st.integers(1, 9))
def test_one_bad_cell_is_reported_with_its_line(data, count, chunk):
    bad = data.draw(st.integers(0, count - 1))
    column = data.draw(st.sampled_from(HEADER))
    value = data.draw(st.sampled_from(BAD_CELLS[column]))
    blanks = data.draw(st.lists(st.integers(0, 2), min_size=count + 1, max_size=count + 1))
    lines = [",".join(HEADER), *(",".join(row) for row in rows_with({bad: {column: value}}, count))]
    text = "".join("\n" * blank + line + "\n" for blank, line in zip(blanks, lines, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = write_text(Path(folder) / "table", text)
        with pytest.raises(PairTableError) as caught:
            list(iter_pairs(path, rows=chunk))
    (shown,) = caught.value.rows
    assert shown.startswith(f"line {sum(blanks[: bad + 2]) + bad + 2}: ")
    assert column in shown
    assert (f'"{value}"' if value else "empty") in shown


def test_all_bad_rows_of_all_chunks_are_reported_and_chunks_before_them_come(tmp_path):
    changes = {2: {"label": "3"}, 3: {"enhancer_start": "x", "label": ""}, 7: {"promoter_end": "5"}}
    path = write_rows(tmp_path / "table.csv", [HEADER, *rows_with(changes, 9)])
    chunks = iter_pairs(path, rows=2)
    assert next(chunks).index.tolist() == [0, 1]
    with pytest.raises(PairTableError, match="3 rows cannot be used") as caught:
        next(chunks)
    assert caught.value.rows == (
        'line 4: label is "3"; 0 or 1 is needed',
        'line 5: enhancer_start is "x"; a whole number from 0 is needed',
        "line 5: label is empty; 0 or 1 is needed",
        "line 9: promoter_start is 9000, promoter_end is 5; start below end is needed",
    )


def test_of_many_bad_rows_20_are_shown_and_all_are_counted(tmp_path):
    path = write_rows(tmp_path / "t.csv", [HEADER, *rows_with({i: {"label": "x"} for i in range(33)}, 34)])
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    shown = str(caught.value).splitlines()
    assert "33 rows cannot be used" in shown[0]
    assert len(shown) == 1 + 20 + 1
    assert shown[-1] == "  ... and 13 more"


def test_rows_of_another_width_are_bad_rows(tmp_path):
    path = write_rows(
        tmp_path / "t.csv",
        [HEADER, ROW, [*ROW, "more"], ROW[:-1], ["one"], rows_with({0: {"label": "7"}}, 1)[0]],
    )
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    assert caught.value.rows == (
        "line 3: 8 cells; 7, as many as columns, are needed",
        "line 4: 6 cells; 7, as many as columns, are needed",
        "line 5: 1 cell; 7, as many as columns, are needed",
        'line 6: label is "7"; 0 or 1 is needed',
    )


def test_a_quoted_cell_over_two_lines_keeps_the_line_numbers_right(tmp_path):
    text = f'{",".join(HEADER)},note\n{",".join(ROW)},"a, b\nc"\n \n{",".join(ROW[:-1])},5,\n'
    with pytest.raises(PairTableError) as caught:
        read_pairs(write_text(tmp_path / "t.csv", text))
    assert caught.value.rows == ('line 5: label is "5"; 0 or 1 is needed',)
    good = read_pairs(write_text(tmp_path / "t.csv", text.replace(",5,", ",1,")))
    assert good["note"].tolist() == ["a, b\nc", ""]


@pytest.mark.parametrize("quoting", ['"abc"d', '"abc'])
def test_quotes_that_do_not_close_are_a_bad_row_and_end_the_reading(tmp_path, quoting):
    note = ["x", quoting, "y"]
    rows = [[*row, cell] for row, cell in zip(rows_with({0: {"label": "4"}}, 3), note, strict=True)]
    path = write_rows(tmp_path / "t.csv", [[*HEADER, "note"], *rows])
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    first, second = caught.value.rows
    assert first == 'line 2: label is "4"; 0 or 1 is needed'
    assert second.startswith("line 3: it cannot be split into cells (")


def test_byte_order_mark_crlf_and_blank_lines_at_the_start(tmp_path):
    text = "\n" + ",".join(HEADER) + "\r\n" + ",".join(ROW) + "\r\n\r\n"
    table = read_pairs(write_text(tmp_path / "t.csv", text, encoding="utf-8-sig"))
    assert table["label"].tolist() == [1]


def test_gzip_is_known_by_content_not_by_name(tmp_path):
    text = ",".join(HEADER) + "\n" + ",".join(ROW) + "\n"
    assert len(read_pairs(write_text(tmp_path / "a.csv", text, gzipped=True))) == 1
    assert len(read_pairs(write_text(tmp_path / "a.csv.gz", text))) == 1


def test_cells_of_other_columns_stay_the_text_they_are(tmp_path):
    cells = ["007", "NA", "1.50", "", "null", " x", "1e5", "True"]
    rows = [[*ROW, cell] for cell in cells]
    assert read_pairs(write_rows(tmp_path / "t.csv", [[*HEADER, "n"], *rows]))["n"].tolist() == cells


@pytest.mark.parametrize("gzipped", [True, False])
def test_bytes_read_add_up_to_the_size_of_the_file(tmp_path, gzipped):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows([*ROW[:4], str(i), str(i + 7 + i * i % 1001), "0"] for i in range(40_000))
    path = write_text(tmp_path / "t", out.getvalue(), gzipped=gzipped)
    told: list[int] = []
    chunks = sum(1 for _ in iter_pairs(path, rows=1000, on_bytes=told.append))
    assert chunks == 40
    assert sum(told) == path.stat().st_size
    assert min(told) >= 0
    assert sum(amount > 0 for amount in told) > 2


def test_one_line_of_log_says_file_format_and_numbers(tmp_path, caplog):
    path = write_rows(tmp_path / "t.csv", [HEADER, *rows_with({1: {"label": "0"}}, 5)])
    with caplog.at_level(logging.INFO, logger="epidyn"):
        read_pairs(path)
        read_pairs(write_rows(tmp_path / "u.csv", [REQUIRED, ROW[:-1]]))
    assert caplog.messages == [
        f"{path}: epidyn columns, 5 pairs, 4 positive",
        f"{tmp_path / 'u.csv'}: epidyn columns, 1 pair, no labels",
    ]


def test_hela_is_noted_once_for_all_chunks(tmp_path, caplog):
    rows = [[*ROW, line] for line in ("HeLa", "K562", "HeLa")]
    path = write_rows(tmp_path / "t.csv", [[*HEADER, "cell_line"], *rows])
    with caplog.at_level(logging.INFO, logger="epidyn"):
        chunks = list(iter_pairs(path, rows=1))
    assert [chunk["cell_line"].iloc[0] for chunk in chunks] == ["HeLa-S3", "K562", "HeLa-S3"]
    (message,) = caplog.messages
    assert message.endswith(", cell line HeLa read as HeLa-S3")


@pytest.mark.parametrize(
    ("first", "missing"),
    [
        ("enhancer_chrom,enhancer_start,enhancer_end,promoter_chrom,promoter_start,label", "promoter_end"),
        ("enhancer_name,label", "promoter_name"),
        (",".join(["enhancer_name", "promoter_name", *REQUIRED[:5]]), "promoter_end"),
        ("a;b;c", "enhancer_name, promoter_name"),
        (",ACGT" + "N" * 200_000, "enhancer_name, promoter_name"),
        ('"enhancer_name,promoter_name', "enhancer_name, promoter_name"),
    ],
)
def test_an_unknown_format_names_missing_columns_and_what_is_accepted(tmp_path, first, missing):
    path = write_text(tmp_path / "t.csv", first + "\n1,2\n")
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    assert f"Needed columns are missing: {missing}." in caught.value.headline
    assert [row.split(":")[0] for row in caught.value.rows] == [layout.name for layout in LAYOUTS]


def test_the_columns_found_are_shown(tmp_path):
    with pytest.raises(PairTableError, match='Its first line: foo, "b r"'):
        read_pairs(write_text(tmp_path / "t.csv", "foo,b r\n1,2\n"))


def test_an_ambiguous_header_is_refused(tmp_path):
    header = "enhancer_name,promoter_name,x\tenhancer_name\tpromoter_name\ty"
    with pytest.raises(PairTableError, match=r"ambiguous: .* separated by tab or .* separated by comma") as caught:
        read_pairs(write_text(tmp_path / "t", header + "\n"))
    assert len(caught.value.rows) == len(LAYOUTS)


def test_a_column_given_twice_is_refused(tmp_path):
    with pytest.raises(PairTableError, match='more than one column is called "label"'):
        read_pairs(write_rows(tmp_path / "t.csv", [[*HEADER, "label"], [*ROW, 1]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [(",".join(HEADER) + "\n\n", "a header but no rows"), ("\n \n", "nothing but blank lines")],
)
def test_a_file_without_rows_is_refused(tmp_path, text, message):
    with pytest.raises(PairTableError, match=message):
        read_pairs(write_text(tmp_path / "t.csv", text))


def test_missing_empty_and_truncated_files(tmp_path):
    with pytest.raises(InputFileError, match="does not exist"):
        read_pairs(tmp_path / "none.csv")
    with pytest.raises(InputFileError, match="is empty"):
        read_pairs(write_text(tmp_path / "empty.csv", ""))
    whole = gzip.compress("\n".join([",".join(HEADER), *[",".join(ROW)] * 5000]).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-40])
    with pytest.raises(InputFileError, match="truncated gzip"):
        read_pairs(tmp_path / "cut.csv.gz")
    (tmp_path / "latin.csv").write_bytes((",".join(HEADER) + ",\u00e9\n").encode("latin-1"))
    with pytest.raises(InputFileError, match="no UTF-8"):
        read_pairs(tmp_path / "latin.csv")


def test_a_chunk_needs_a_row(tmp_path):
    path = write_rows(tmp_path / "t.csv", [HEADER, ROW])
    with pytest.raises(ConfigError, match="at least 1 row"):
        next(iter_pairs(path, rows=0))
