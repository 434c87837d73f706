from __future__ import annotations

import pytest

from epidyn.pairs import REQUIRED, read_pairs
from tests.pairs.tables import write_rows

CELLS = ["chr1", 100, 200, "chr1", 9000, 9100]


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_table_of_the_needed_columns_alone(tmp_path, delimiter):
    table = read_pairs(write_rows(tmp_path / "table", [REQUIRED, CELLS], delimiter))
    assert list(table) == list(REQUIRED)
    assert table.loc[0].tolist() == CELLS
    assert table.attrs["format"] == "epidyn columns"


def test_a_table_of_scores_keeps_them_as_text(tmp_path):
    header = [*REQUIRED, "label", "logit", "probability"]
    table = read_pairs(write_rows(tmp_path / "scores.tsv", [header, [*CELLS, 1, "-1.50", "0.182426"]], "\t"))
    assert list(table) == header
    assert table.loc[0, ["logit", "probability"]].tolist() == ["-1.50", "0.182426"]


def test_names_need_not_be_targetfinders(tmp_path):
    header = [*REQUIRED, "enhancer_name", "promoter_name"]
    table = read_pairs(write_rows(tmp_path / "t.csv", [header, [*CELLS, "enh_1", "prom_1"]]))
    assert table.attrs["format"] == "epidyn columns"
    assert "cell_line" not in table


def test_with_a_cell_line_column_names_are_not_compared_with_coordinates(tmp_path):
    header = [*REQUIRED, "enhancer_name", "promoter_name", "cell_line"]
    names = ["K562|chr1:1-2", "K562|chr1:3-4"]
    table = read_pairs(write_rows(tmp_path / "t.csv", [header, [*CELLS, *names, "K562"]]))
    assert table.attrs["format"] == "epidyn columns"
    assert table["enhancer_start"].tolist() == [100]
