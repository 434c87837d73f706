"""BEDPE (bedtools; juicer's loop lists): tab-separated, 0-based, half-open, the enhancer's end first.

The first ten columns go by their place: chrom1, start1, end1 (the enhancer), chrom2, start2, end2 (the promoter),
name, score, strand1, strand2. What follows is named by a header line that begins with ``#``, if there is one: a
column ``label`` is then read as ours is, and so are the others that we know.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from epidyn.pairs.findings import Findings
from epidyn.pairs.layout import Layout
from epidyn.pairs.schema import REQUIRED

SUFFIX = ".bedpe"
HEADER = ("#chrom1", "start1", "end1", "chrom2", "start2", "end2", "name", "score", "strand1", "strand2")
COLUMNS = (*REQUIRED, "name", "score", "enhancer_strand", "promoter_strand")
MISSING = "."
_STRANDS = {"+", "-", MISSING}
_COORDINATES = (1, 2, 4, 5)


def matches_bedpe(first: Sequence[str], second: Sequence[str]) -> bool:
    """Tell BEDPE by ten or more columns with coordinates and strands in their places.

    One of the four coordinates may be no number, so that a first row with one bad cell is reported as such.
    """
    headed = is_header(first)
    row = second if headed else first
    if len(first) < len(COLUMNS) or len(row) < len(REQUIRED):
        return False
    numbers = sum(row[place].lstrip("-").isdigit() for place in _COORDINATES)
    return numbers >= len(_COORDINATES) - 1 and (headed or {row[8], row[9]} <= _STRANDS)


def is_header(cells: Sequence[str]) -> bool:
    """Tell whether the first line is a header: it begins with ``#``."""
    return bool(cells) and cells[0].startswith("#")


def names(first: Sequence[str]) -> tuple[list[str], bool]:
    """Return the columns' names from the cells of the first line, and whether it is a header."""
    headed = is_header(first)
    more = first[len(COLUMNS) :]
    return [*COLUMNS, *(more if headed else (f"column_{len(COLUMNS) + 1 + n}" for n in range(len(more))))], headed


def _derive(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    return table.assign(promoter_strand=table["promoter_strand"].where(table["promoter_strand"] != MISSING, ""))


def to_bedpe(table: pd.DataFrame) -> pd.DataFrame:
    """Return a pair table as the columns of a BEDPE file, in order; the index is kept.

    ``name`` is the table's, or enhancer's and promoter's name with a bar between; ``score`` the probability, or
    the table's own score. All else follows under its own name.
    """
    score = next((name for name in ("probability", "score") if name in table), None)
    found = table[list(REQUIRED)].assign(
        name=_filled(table["name"] if "name" in table else joined_names(table)),
        score=MISSING if score is None else table[score],
    )
    for strand in ("enhancer_strand", "promoter_strand"):
        found[strand] = _filled(table[strand]) if strand in table else MISSING
    rest = [name for name in table if name not in COLUMNS]
    found.columns = pd.Index(HEADER)
    return pd.concat([found, table[rest]], axis=1)


def joined_names(table: pd.DataFrame) -> pd.Series[str]:
    """Return the names of enhancer and promoter with a bar between; empty where the table lacks either."""
    named = [table[f"{role}_name"] for role in ("enhancer", "promoter") if f"{role}_name" in table]
    return named[0] + "|" + named[1] if len(named) == 2 else pd.Series("", index=table.index)


def _filled(column: pd.Series[str]) -> pd.Series[str]:
    return column.where(column.notna() & (column != ""), MISSING)


BEDPE = Layout(
    name="BEDPE",
    description=f"tab-separated, 10 columns and more: {', '.join(COLUMNS)}; others named by a first line with #",
    needed=(),
    matches=matches_bedpe,
    derive=_derive,
    names=names,
)
