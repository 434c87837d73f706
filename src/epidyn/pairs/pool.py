"""Several cell lines in one table: pooled from files, or lying in one file; each line stays known by its name."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.errors import PairTableError
from epidyn.pairs.places import one_spelling
from epidyn.pairs.read import read_pairs
from epidyn.pairs.schema import REQUIRED, canonical_cell_line, in_order

Rows = npt.NDArray[np.int64]

_log = logging.getLogger("epidyn")


def line_rows(pairs: pd.DataFrame) -> dict[str, Rows]:
    """Return the rows of each cell line, int64, ascending; lines in the order of their names.

    In a table without the column ``cell_line`` all rows are one line, whose name is empty.
    """
    if "cell_line" not in pairs:
        return {"": np.arange(len(pairs))}
    codes, names = pd.factorize(pairs["cell_line"].fillna(""), sort=True)
    return {str(name): np.flatnonzero(codes == code) for code, name in enumerate(names.tolist())}


def pool_pairs(paths: Sequence[str | os.PathLike[str]]) -> pd.DataFrame:
    """Read one or several labelled tables as one, one file behind the other.

    Parameters
    ----------
    paths
        Tables as :func:`epidyn.read_pairs` takes them. One whose column ``cell_line`` is missing or empty is
        a line named like the file, which the log says. Each must hold cell lines of its own.

    Returns
    -------
    DataFrame
        As :func:`epidyn.read_pairs`, always with ``cell_line``, and with all columns that any of the tables has;
        text is empty where a table lacks the column. ``attrs["files"]`` holds ``(path, rows)`` of each.

    Raises
    ------
    InputFileError, PairTableError
        As ``read_pairs``; or if a table has no labels, names the line of some rows only, or holds a line that
        another table holds too.
    """
    names = [str(path) for path in paths]
    tables = [_with_line(_labelled(path), path) for path in names]
    _refuse_shared_lines(tables, names)
    columns = in_order(dict.fromkeys(str(column) for table in tables for column in table))
    pooled = pd.concat([_with_columns(table, columns) for table in tables], ignore_index=True)
    pooled.attrs = {"files": [(path, len(table)) for path, table in zip(names, tables, strict=True)]}
    return pooled


def refuse_two_labels(pairs: pd.DataFrame) -> None:
    """Check that no pair has both labels in one cell line; in different lines it may.

    Raises
    ------
    PairTableError
        Lists such pairs, with file and rows if :func:`pool_pairs` read the table.
    """
    key = [*REQUIRED, "cell_line"]
    keys = one_spelling(pairs)[key]
    two = pairs["label"].groupby([keys[name] for name in key]).transform("nunique") > 1
    if not two.any():
        return
    found = []
    for _, rows in pairs[two].groupby([keys.loc[two, name] for name in key], sort=False):
        *place, line = rows[key].iloc[0]
        first = {label: int(rows.index[rows["label"] == label][0]) for label in (0, 1)}
        labels = ", ".join(f"label {label} in {_file_row(pairs, row)}" for label, row in first.items())
        found.append(f"{line} {' '.join(map(str, place))}: {labels}")
    raise PairTableError(
        f"{len(found):,} {'pair has' if len(found) == 1 else 'pairs have'} both labels in one cell line (rows "
        "count from 0). A pair may differ between lines, not within one; remove one row of each:",
        found,
    )


def _labelled(path: str) -> pd.DataFrame:
    table = read_pairs(path)
    if "label" not in table:
        raise PairTableError(f"{path} has no label column; training needs labels 0 and 1.")
    return table


def _with_line(table: pd.DataFrame, path: str) -> pd.DataFrame:
    if "cell_line" not in table or (table["cell_line"] == "").all():
        line = canonical_cell_line(Path(path).name.split(".")[0])
        _log.info("%s names no cell line; it is taken as the line %s", path, line)
        return table.assign(cell_line=line)
    nameless = np.flatnonzero(table["cell_line"] == "")
    if len(nameless):
        raise PairTableError(
            f"{path}: {len(nameless):,} rows have an empty cell_line and others do not (rows count from 0). Name "
            "the line in each row, or in none:",
            [f"row {row}" for row in nameless],
        )
    return table


def _refuse_shared_lines(tables: Sequence[pd.DataFrame], paths: Sequence[str]) -> None:
    holders: dict[str, list[str]] = {}
    for table, path in zip(tables, paths, strict=True):
        for line in table["cell_line"].unique():
            holders.setdefault(line, []).append(path)
    shared = [f"{line}: {', '.join(where)}" for line, where in sorted(holders.items()) if len(where) > 1]
    if shared:
        raise PairTableError(
            "each cell line must lie in one table. Put the rows of a line into one file, or tell lines apart by a "
            "column cell_line:",
            shared,
        )


def _with_columns(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the table with all ``columns``: what it lacks is empty text, or missing for numbers (tss)."""
    filled = table.copy()
    for column in columns:
        if column not in table:
            filled[column] = pd.array([pd.NA] * len(table), dtype="Int64") if column == "tss" else ""
    return filled[list(columns)]


def _file_row(pairs: pd.DataFrame, row: int) -> str:
    """Return file and row in it of a row of a pooled table."""
    for path, rows in pairs.attrs.get("files", []):
        if row < rows:
            return f"{path} row {row}"
        row -= rows
    return f"row {row}"
