from __future__ import annotations

import numpy as np
import pytest

from epidyn.errors import PairTableError
from epidyn.pairs.findings import Findings, quoted


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("abc", '"abc"'),
        ("", "empty"),
        ("  ", "empty"),
        (None, "empty"),
        (float("nan"), "empty"),
        (1.5, '"1.5"'),
        ('a"b\n', r'"a\"b\n"'),
        ("é", '"é"'),
        ("x" * 60, '"' + "x" * 60 + '"'),
        ("x" * 61, '"' + "x" * 57 + '..."'),
    ],
)
def test_values_are_shown_on_one_short_line(value, shown):
    assert quoted(value) == shown


def test_nothing_found_raises_nothing():
    findings = Findings()
    findings.look_at([3, 4])
    findings.add_where(np.array([False, False]), lambda i: "never")
    findings.raise_if_any("table.csv")
    assert not findings


def test_complaints_come_in_the_order_of_rows_whatever_the_order_of_finding():
    findings = Findings()
    findings.look_at([12, 15, 17])
    findings.add_where(np.array([True, False, True]), lambda i: f"first check, place {i}")
    findings.add(13, "another")
    findings.add_where(np.array([True, False, False]), lambda i: "second check")
    assert findings
    with pytest.raises(PairTableError, match=r"table\.csv: 3 rows cannot be used") as caught:
        findings.raise_if_any("table.csv")
    assert caught.value.rows == (
        "line 12: first check, place 0",
        "line 12: second check",
        "line 13: another",
        "line 17: first check, place 2",
    )


def test_rows_of_a_table_in_memory_are_called_rows():
    findings = Findings("row")
    findings.add(0, "bad")
    with pytest.raises(PairTableError, match="1 row cannot be used") as caught:
        findings.raise_if_any("table")
    assert caught.value.rows == ("row 0: bad",)
