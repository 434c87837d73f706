"""BEDPE, the paired-end BED of bedtools: tab-separated, 10 columns and more, 0-based half-open coordinates.

The first end is the enhancer, the second the promoter. There are no quotes; a line that begins with ``#`` is a
comment, and the first such line with 10 cells or more, above the rows, is the header. Columns after the tenth are
what the header calls them, so that a column ``label`` holds labels; without a header there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from epidyn.errors import PairTableError
from epidyn.pairs.findings import Findings, quoted
from epidyn.pairs.layout import Layout
from epidyn.pairs.schema import REQUIRED, ROLES, text_column

COLUMNS = (*REQUIRED, "name", "score", "enhancer_strand", "promoter_strand")
HEADER = ("chrom1", "start1", "end1", "chrom2", "start2", "end2", "name", "score", "strand1", "strand2")
STRANDS = ("+", "-", ".")
NOTHING = "."
_NUMERIC = tuple(COLUMNS.index(f"{role}_{part}") for role in ROLES for part in ("start", "end"))
_UNKNOWN = {"chrom": NOTHING, "start": "-1", "end": "-1"}


def is_header(cells: Sequence[str]) -> bool:
    """Tell the header, which some programs write without ``#``, by bedtools' names of its first six columns."""
    names = "\t".join(cells[: len(REQUIRED)]).lower().removeprefix("#")
    return names == "\t".join(HEADER[: len(REQUIRED)])


def matches_bedpe(first: Sequence[str], second: Sequence[str]) -> bool:
    """Tell a first row of BEDPE by its 10 cells or more: four whole numbers (one may be none) and two strands.

    So a first row with one bad cell is reported as such.
    """
    row = second if is_header(first) else first
    if len(row) < len(COLUMNS) or not {row[8], row[9]} <= set(STRANDS):
        return False
    numbers = [row[i].removeprefix("-").isdecimal() for i in _NUMERIC]
    return sum(numbers) >= len(numbers) - 1


def _derive(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    either = np.zeros(len(table), dtype=np.bool_)
    for number, role in enumerate(ROLES):
        unknown = np.logical_or.reduce([table[f"{role}_{part}"] == sign for part, sign in _UNKNOWN.items()])
        findings.add_where(
            unknown,
            lambda i, role=role, number=number: (  # type: ignore[misc]
                f"the {role} (columns {3 * number + 1} to {3 * number + 3}) is "
                f"{' '.join(table[f'{role}_{part}'].iloc[i] for part in _UNKNOWN)}, in BEDPE an unknown place; "
                "both ends must be known"
            ),
        )
        either |= unknown
    # What stands in for an unknown place passes every check, so that it is reported once.
    return table.assign(
        **{
            f"{role}_{part}": table[f"{role}_{part}"].mask(either, fill)
            for role in ROLES
            for part, fill in (("chrom", "unread"), ("start", "0"), ("end", "1"))
        }
    )


BEDPE = Layout(
    name="BEDPE",
    description=(
        "tab-separated, 10 columns or more, maybe with a header that begins with #: "
        f"{', '.join(HEADER)}; the first end is the enhancer"
    ),
    needed=(),
    matches=matches_bedpe,
    derive=_derive,
    columns=COLUMNS,
    is_header=is_header,
    plain=True,
)


def bedpe_rows(table: pd.DataFrame, target: object) -> pd.DataFrame:
    """Return a pair table's rows as BEDPE has them, its columns named as in the header.

    Parameters
    ----------
    table
        A table with at least the required columns. ``name`` is its column of that name, or both elements' names
        with a slash between; ``score`` is ``probability``, or the column ``score``; what it lacks is a dot.
        Columns that are none of the ten follow under their own names.
    target
        What messages call it.

    Raises
    ------
    PairTableError
        If a cell or a name holds a tab or a line end, or a chromosome begins with ``#``.
    """
    pair_names = {"enhancer_name", "promoter_name"} <= set(table)
    names = table["enhancer_name"].astype("str") + "/" + table["promoter_name"] if pair_names else None
    first = {
        **{name: table[column] for name, column in zip(HEADER, REQUIRED, strict=False)},
        "name": _or_nothing(table.get("name", names), table.index),
        "score": _or_nothing(table.get("probability", table.get("score")), table.index),
        "strand1": _or_nothing(table.get("enhancer_strand"), table.index),
        "strand2": _or_nothing(table.get("promoter_strand"), table.index),
    }
    others = [column for column in table if column not in COLUMNS]
    _refuse_unwritable(table, target)
    rows = pd.concat([pd.DataFrame(first, index=table.index), table[others]], axis=1)
    return rows.set_axis([f"#{HEADER[0]}", *rows.columns[1:]], axis=1)


def _or_nothing(column: pd.Series[Any] | None, index: pd.Index[Any]) -> pd.Series[Any]:
    """Return the column with a dot for what is missing or empty; dots alone for no column."""
    if column is None:
        return text_column(np.full(len(index), NOTHING, dtype=object), index)
    if pd.api.types.is_numeric_dtype(column) and not column.isna().any():
        return column
    text = column.astype("object")
    return text.where(column.notna() & (text != ""), NOTHING)


def _refuse_unwritable(table: pd.DataFrame, target: object) -> None:
    bad = [f"the name {quoted(name)}" for name in table if any(mark in str(name) for mark in "\t\n\r")]
    for name in table:
        if pd.api.types.is_numeric_dtype(table[name]):
            continue
        texts = table[name].astype("str").fillna("")
        at = texts.str.contains(r"[\t\n\r]")
        if str(name).endswith("_chrom"):
            at |= texts.str.startswith("#")
        bad += [f"row {table.index[i]}: {name} is {quoted(texts.iloc[i])}" for i in np.flatnonzero(at).tolist()]
    if bad:
        raise PairTableError(
            f"table for {target}: BEDPE has no quotes, so no cell may hold a tab or a line end, and no chromosome "
            "begin with #. Write .tsv, or mend (rows count from 0):",
            bad,
        )
