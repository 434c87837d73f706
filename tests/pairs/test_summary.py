from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from epidyn import read_pairs
from epidyn.errors import PairTableError
from epidyn.pairs import REQUIRED, summarise
from tests.conftest import DATA, needs_data

ROWS = [
    ("2", 100, 400, "chr2", 900, 950, 1, "K562"),
    ("chr2", 100, 400, "2", 990, 1_000, 0, "GM12878"),
    ("chr1", 7, 9, "chr1", 30, 41, 0, "K562"),
]
TABLE = pd.DataFrame(ROWS, columns=[*REQUIRED, "label", "cell_line"], index=[8, 5, 8])


def test_a_table_of_two_spellings():
    found = summarise(TABLE)
    assert (found.pairs, found.positives, found.cell_lines) == (3, 1, ["GM12878", "K562"])
    assert found.chromosomes == {"chr2": 2, "chr1": 1}
    enhancers, promoters = found.elements["enhancer"], found.elements["promoter"]
    assert (enhancers.distinct, enhancers.shortest, enhancers.longest) == (2, 2, 300)
    assert (promoters.distinct, promoters.shortest, promoters.longest) == (3, 10, 50)
    assert found.columns == list(TABLE.columns)


def test_it_prints_as_aligned_text():
    lines = repr(summarise(TABLE)).splitlines()
    assert lines[:3] == ["pairs        3", "positives    1 (33.33%)", "cell lines   GM12878, K562"]
    assert str(summarise(TABLE)) == repr(summarise(TABLE))


def test_what_is_not_there_is_not_said():
    said = dict(summarise(TABLE[list(REQUIRED)]).rows())
    assert {"format", "positives", "cell lines"}.isdisjoint(said)


def test_markup_in_a_table_is_text_in_a_notebook():
    hostile = TABLE.assign(cell_line="<script>alert('x')</script>").rename(columns={"label": "a<b>"})
    shown = summarise(hostile)._repr_html_()
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in shown
    assert shown.startswith("<table>")
    assert "Pair table" in shown


def test_tables_at_fault():
    with pytest.raises(PairTableError, match="there are no rows to summarise"):
        summarise(TABLE.iloc[:0])
    with pytest.raises(PairTableError, match="promoter_end"):
        summarise(TABLE.drop(columns="promoter_end"))
    with pytest.raises(PairTableError) as caught:
        summarise(TABLE.assign(enhancer_end=5))
    assert any("enhancer_start is 100, enhancer_end is 5" in row for row in caught.value.rows)


@needs_data
def test_targetfinder():
    path = next(Path(DATA, "targetfinder").glob("GM12878*"))
    found = summarise(read_pairs(path))
    assert (found.pairs, found.positives) == (44_313, 2_113)
    assert found.elements["promoter"].distinct == 8_106
    assert found.elements["enhancer"].distinct == 32_930
    assert sum(found.chromosomes.values()) == found.pairs
