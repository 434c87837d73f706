"""TargetFinder's tables: names only, or the full ``pairs.csv`` with coordinates and features.

A name such as ``GM12878|chr1:111767769-111769276`` holds the cell line, and the interval as TargetFinder's
BED files have it; we read its two numbers as 0-based, half-open start and end, as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from epidyn.pairs.bedpe import is_header
from epidyn.pairs.findings import Findings, quoted
from epidyn.pairs.layout import Layout, one_cell_line, parse_names
from epidyn.pairs.schema import REQUIRED, ROLES, by_value, canonical_cell_line, whole_numbers

# 15 digits at most: what whole_numbers reads too.
NAME = re.compile(r"(?P<line>[^|]+)\|(?P<chrom>[^|:\s]+):(?P<start>[0-9]{1,15})-(?P<end>[0-9]{1,15})")
EXAMPLE = "GM12878|chr1:1000-2000"
NAMES = ("enhancer_name", "promoter_name")

_Parts = dict[str, dict[str, NDArray[Any]]]


def _matches_names(first: Sequence[str], second: Sequence[str]) -> bool:
    return set(NAMES) <= set(first) and not set(REQUIRED) & set(first) and not is_header(first)  # of BEDPE


def matches_full(first: Sequence[str], second: Sequence[str]) -> bool:
    """Tell whether the header has names and coordinates, but no cell line, and the names are TargetFinder's.

    With a ``cell_line`` column the table is in our own columns. One of the two names is enough, so that a
    first row with one bad name is reported as such.
    """
    if not {*NAMES, *REQUIRED} <= set(first) or "cell_line" in first or len(second) != len(first):
        return False
    return any(NAME.fullmatch(second[first.index(name)]) for name in NAMES)


def _parse(table: pd.DataFrame, findings: Findings) -> tuple[_Parts, NDArray[np.bool_], NDArray[Any]]:
    """Return the parts of both names, where both are good, and the cell lines."""
    parts: _Parts = {}
    good = np.ones(len(table), dtype=np.bool_)
    for role in ROLES:
        parts[role], has_form = parse_names(table[f"{role}_name"], NAME, EXAMPLE, findings)
        good &= has_form
    lines = one_cell_line(parts["enhancer"]["line"], parts["promoter"]["line"], good, findings)
    return parts, good, lines


def _derive_names(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    parts, good, lines = _parse(table, findings)
    derived: dict[str, Any] = {}
    for role in ROLES:
        # What stands in for a bad name passes every check, so that the row is reported once, by its name.
        derived[f"{role}_chrom"] = np.where(good, parts[role]["chrom"], "unread")
        derived[f"{role}_start"] = np.where(good, parts[role]["start"], 0)
        derived[f"{role}_end"] = np.where(good, parts[role]["end"], 1)
    if "cell_line" in table:
        _compare_cell_lines(table["cell_line"], lines, good, findings)
    else:
        derived["cell_line"] = lines
    return table.assign(**derived)


def _compare_cell_lines(
    column: pd.Series[Any], lines: NDArray[Any], good: NDArray[np.bool_], findings: Findings
) -> None:
    given = by_value(column, lambda text: canonical_cell_line(text.strip()))
    named = by_value(pd.Series(lines), canonical_cell_line)
    findings.add_where(
        good & (given != named),
        lambda i: (
            f"cell_line is {quoted(column.iloc[i])}, that of the names is {quoted(lines[i])}; they must agree"
        ),
    )


def _derive_full(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    parts, _, lines = _parse(table, findings)
    for role in ROLES:
        _compare_coordinates(table, role, parts[role], findings)
    return table.assign(cell_line=lines)


def _compare_coordinates(
    table: pd.DataFrame, role: str, named: dict[str, NDArray[Any]], findings: Findings
) -> None:
    chrom = by_value(table[f"{role}_chrom"], str.strip)
    start, start_good = whole_numbers(table[f"{role}_start"])
    end, end_good = whole_numbers(table[f"{role}_end"])
    differs = (chrom != named["chrom"]) | (start != named["start"]) | (end != named["end"])
    # A name or a coordinate that cannot be read has its own complaint.
    readable = (named["start"] >= 0) & start_good & end_good & (chrom != "")
    names = table[f"{role}_name"]
    findings.add_where(
        differs & readable,
        lambda i: (
            f"{role}_name is {quoted(names.iloc[i])}, its columns say {chrom[i]}:{start[i]}-{end[i]}; "
            "they must agree"
        ),
    )


TARGETFINDER_NAMES = Layout(
    name="TargetFinder names",
    description=f"CSV or TSV with the columns {' and '.join(NAMES)}, names such as {EXAMPLE}",
    needed=NAMES,
    matches=_matches_names,
    derive=_derive_names,
)
TARGETFINDER_FULL = Layout(
    name="TargetFinder",
    description=f"TargetFinder's pairs.csv: such names and, agreeing with them, {', '.join(REQUIRED)}",
    needed=(*NAMES, *REQUIRED),
    matches=matches_full,
    derive=_derive_full,
)
