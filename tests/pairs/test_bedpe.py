"""BEDPE: 0-based half-open, read as bedtools describes it, written as other programs read it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bioframe
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn.errors import PairTableError
from epidyn.pairs import REQUIRED, iter_pairs, read_pairs, write_pairs
from tests.pairs.tables import UNHURRIED, valid_tables, write_text

# The first 100 bases of chr1, and its bases 201 to 300 counted from 1: bedtools writes them as 0 100 and 200 300.
ROWS = [
    ["chr1", "0", "100", "chr1", "200", "300", "loop one", "7.5", "+", "-"],
    ["chr2", "5000", "5001", "chr2", "40", "90", ".", ".", ".", "+"],
]


def bedpe(*rows: list[str], head: str = "") -> str:
    return head + "".join("\t".join(row) + "\n" for row in rows)


def test_known_places_without_a_header(tmp_path):
    table = read_pairs(write_text(tmp_path / "a.bedpe", bedpe(*ROWS)))
    assert table[list(REQUIRED)].to_numpy().tolist() == [
        ["chr1", 0, 100, "chr1", 200, 300],
        ["chr2", 5000, 5001, "chr2", 40, 90],
    ]
    assert table["name"].tolist() == ["loop one", "."]
    assert table["score"].tolist() == ["7.5", "."]
    assert table["enhancer_strand"].tolist() == ["+", "."]
    assert table["promoter_strand"].tolist() == ["-", "+"]
    assert "label" not in table
    assert table.attrs["format"] == "BEDPE"


HEAD = "chrom1\tstart1\tend1\tchrom2\tstart2\tend2\tname\tscore\tstrand1\tstrand2"
WIDER = [[*ROWS[0], "1", 'a "b'], [*ROWS[1], "0", ""]]


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("", ["column_11", "column_12"]),
        (f"#{HEAD}\tlabel\tmy note\n", ["label", "my note"]),
        (f"{HEAD}\tlabel\tmy note\n", ["label", "my note"]),
        (f"# made by hand\n\n#{HEAD.replace('chrom1', 'chr1')}\tlabel\tmy note\n# v 1\n", ["label", "my note"]),
    ],
)
def test_columns_behind_the_tenth_are_called_as_in_the_header(tmp_path, head, names):
    table = read_pairs(write_text(tmp_path / "a.bedpe", bedpe(WIDER[0], ["# a comment"], WIDER[1], head=head)))
    assert table[names[0]].tolist() == ([1, 0] if names[0] == "label" else ["1", "0"])
    assert table[names[1]].tolist() == ['a "b', ""]
    assert set(table) - {*REQUIRED, "name", "score", "enhancer_strand", "promoter_strand"} == set(names)


def test_chromosomes_that_are_numbers_are_no_bengi(tmp_path):
    """Six of the ten cells are numbers, as in a table of BENGI's."""
    rows = [["1", "0", "100", "1", "200", "300", "8", "9", "+", "-"]]
    table = read_pairs(write_text(tmp_path / "a.bedpe", bedpe(*rows)))
    assert table.attrs["format"] == "BEDPE"
    assert table[list(REQUIRED)].to_numpy().tolist() == [["1", 0, 100, "1", 200, 300]]


def test_what_is_unknown_or_wrong_is_named_with_its_line(tmp_path):
    bad = [
        [*ROWS[0][:3], ".", "-1", "-1", *ROWS[0][6:]],
        ["chr1", "-1", "100", *ROWS[0][3:]],
        ["chr9", *ROWS[0][1:]],
        [*ROWS[0][:5], "3e", *ROWS[0][6:]],
        ROWS[0][:9],
    ]
    path = write_text(tmp_path / "a.bedpe", bedpe(ROWS[0], ["#"], *bad))
    with pytest.raises(PairTableError, match="5 rows cannot be used") as caught:
        read_pairs(path)
    unknown = "in BEDPE an unknown place; both ends must be known"
    assert caught.value.rows == (
        f"line 3: the promoter (columns 4 to 6) is . -1 -1, {unknown}",
        f"line 4: the enhancer (columns 1 to 3) is chr1 -1 100, {unknown}",
        'line 5: enhancer_chrom is "chr9", promoter_chrom is "chr1"; one chromosome is needed',
        'line 6: promoter_end is "3e"; a whole number from 0 is needed',
        "line 7: 9 cells; 10, as many as columns, are needed",
    )


def test_a_header_that_does_not_fit_is_no_guess(tmp_path):
    path = write_text(tmp_path / "a.bedpe", bedpe(*WIDER, head=f"#{HEAD}\tlabel\n"))
    with pytest.raises(PairTableError) as caught:
        read_pairs(path)
    assert caught.value.rows == tuple(f"line {n}: 12 cells; 11, as many as columns, are needed" for n in (2, 3))
    twice = write_text(tmp_path / "b.bedpe", bedpe(*WIDER, head=f"#{HEAD}\tlabel\tscore\n"))
    with pytest.raises(PairTableError, match='more than one column is called "score"'):
        read_pairs(twice)


def test_bioframe_reads_what_is_written(tmp_path):
    table = read_pairs(write_text(tmp_path / "a.bedpe", bedpe(*ROWS)))
    write_pairs(table.assign(probability=[0.25, 0.5], label=[1, 0]), tmp_path / "b.bedpe")
    columns = [*bioframe.SCHEMAS["bedpe"], "label", "probability"]
    read = bioframe.read_table(tmp_path / "b.bedpe", names=columns, comment="#")
    numbers = ["start1", "end1", "start2", "end2", "score", "label", "probability"]
    assert read[numbers].to_numpy().tolist() == [
        [0, 100, 200, 300, 0.25, 1, 0.25],
        [5000, 5001, 40, 90, 0.5, 0, 0.5],
    ]
    assert read["strand1"].tolist() == ["+", "."]
    assert read["strand2"].tolist() == ["-", "+"]
    assert read["name"].tolist() == ["loop one", "."]


def test_names_and_score_come_from_where_they_are(tmp_path):
    table = pd.DataFrame([["chr1", 1, 2, "chr1", 3, 4]] * 2, columns=list(REQUIRED))

    def cells(**columns: list[object]) -> list[list[str]]:
        write_pairs(table.assign(**columns), tmp_path / "a.bedpe")
        lines = (tmp_path / "a.bedpe").read_text().splitlines()
        return [line.split("\t")[6:10] for line in lines[1:]]

    assert cells() == [[".", ".", ".", "."]] * 2
    assert cells(enhancer_name=["a", "b"], promoter_name=["p", "q"], promoter_strand=["+", ""]) == [
        ["a/p", ".", ".", "+"],
        ["b/q", ".", ".", "."],
    ]
    assert cells(name=["n", None], score=[3, 4], enhancer_name=["a", "b"]) == [
        ["n", "3", ".", "."],
        [".", "4", ".", "."],
    ]
    assert cells(probability=[0.125, 0.5], score=[3, 4]) == [[".", "0.125", ".", "."], [".", "0.5", ".", "."]]


@settings(UNHURRIED, max_examples=30)
@given(valid_tables(), st.sampled_from([".bedpe", ".bedpe.gz"]), st.integers(1, 9))
def test_what_is_written_reads_back(table, suffix, rows):
    texts = table.select_dtypes("str")
    broken = any(texts[name].str.contains(r"[\t\n\r]").any() for name in texts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        if broken:
            with pytest.raises(PairTableError, match="no cell may hold a tab or a line end"):
                write_pairs(table, path)
            assert not list(Path(folder).iterdir())
            return
        write_pairs(table, path)
        again = pd.concat(iter_pairs(path, rows=rows))
    assert (again["score"] == table.get("probability", pd.Series(["."] * len(table))).replace("", ".")).all()
    pd.testing.assert_frame_equal(again[list(table)], table)
    assert set(again) - set(table) <= {"name", "score", "enhancer_strand", "promoter_strand"}


def test_a_cell_that_bedpe_cannot_hold_is_named(tmp_path):
    table = pd.DataFrame(
        [["chr1", 1, 2, "chr1", 3, 4, "a\tb"], ["#1", 1, 2, "#1", 3, 4, ""]], columns=[*REQUIRED, "note"]
    )
    with pytest.raises(PairTableError, match=r"a\.bedpe: BEDPE has no quotes.*Write \.tsv") as caught:
        write_pairs(table, tmp_path / "a.bedpe")
    assert caught.value.rows == (
        'row 1: enhancer_chrom is "#1"',
        'row 1: promoter_chrom is "#1"',
        'row 0: note is "a\\tb"',
    )
