from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from epidyn.errors import PairTableError
from epidyn.pairs.findings import Findings
from epidyn.pairs.layout import one_cell_line, parse_names

FORM = re.compile(r"(?P<word>[a-z]+):(?P<start>[0-9]+)")


def test_names_are_taken_apart_and_others_reported():
    findings = Findings()
    findings.look_at([2, 3, 5])
    names = pd.Series(["abc:7", "abc", "abc:7"], name="enhancer_name", dtype="str")
    parts, good = parse_names(names, FORM, "abc:1", findings)
    assert good.tolist() == [True, False, True]
    assert parts["word"].tolist() == ["abc", "", "abc"]
    assert parts["start"].tolist() == [7, -1, 7]
    assert parts["start"].dtype == np.int64
    with pytest.raises(PairTableError) as caught:
        findings.raise_if_any("t")
    assert caught.value.rows == ('line 3: enhancer_name is "abc"; a name such as abc:1 is needed',)


def test_two_cell_lines_in_a_pair_are_reported_where_both_names_are_good():
    findings = Findings()
    findings.look_at([2, 3, 4])
    enhancer = np.array(["K562", "K562", ""], dtype=object)
    promoter = np.array(["K562", "NHEK", "NHEK"], dtype=object)
    assert one_cell_line(enhancer, promoter, np.array([True, True, False]), findings) is enhancer
    with pytest.raises(PairTableError) as caught:
        findings.raise_if_any("t")
    assert caught.value.rows == (
        'line 3: the cell line of enhancer_name is "K562", that of promoter_name "NHEK"; one cell line is needed',
    )
