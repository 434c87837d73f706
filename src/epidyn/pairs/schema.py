"""The pair table in memory: its columns, cell lines, and what a valid row is.

Coordinates are 0-based and half-open: ``enhancer_start`` is the first base, ``enhancer_end`` the one after
the last. Columns that this module does not know stay as they are.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from epidyn.errors import PairTableError
from epidyn.pairs.findings import Findings, quoted

ROLES = ("enhancer", "promoter")
REQUIRED = tuple(f"{role}_{part}" for role in ROLES for part in ("chrom", "start", "end"))
OPTIONAL = (
    "label",
    "cell_line",
    "enhancer_name",
    "promoter_name",
    "tss",
    "promoter_strand",
    "gene",
    "split",
)
CELL_LINES = ("GM12878", "HUVEC", "HeLa-S3", "IMR90", "K562", "NHEK", "HMEC")
HELA_NOTE = "cell line HeLa read as HeLa-S3"

# From 2**53 on, not every whole number is a float64, through which texts such as 1.05e+08 are read.
LARGEST_NUMBER = 2**53 - 1

_log = logging.getLogger("epidyn")


def bare(chrom: str) -> str:
    """Return the name of a chromosome without a leading ``chr``, under which ``1`` and ``chr1`` are one."""
    return chrom.removeprefix("chr")


def canonical_cell_line(name: str) -> str:
    """Return the spelling of a cell line used here: ``HeLa`` becomes ``HeLa-S3``, any other name is kept."""
    return "HeLa-S3" if name == "HeLa" else name


def by_value(column: pd.Series[Any], function: Callable[[str], str]) -> NDArray[np.object_]:
    """Apply ``function`` to each distinct text of ``column``; a missing value counts as empty.

    Returns
    -------
    Array of str, shape (rows,). Equal texts are one object, which keeps large tables small.
    """
    codes, values = pd.factorize(column)
    texts = [sys.intern(function(str(value))) for value in values.tolist()]
    texts.append("")  # a missing value has the code -1
    return np.array(texts, dtype=object)[codes]


def whole_numbers(column: pd.Series[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read a column as whole numbers from 0; ``100.0`` and ``1.05e+08`` are whole (R writes such).

    Returns
    -------
    values
        int64, shape (rows,); -1 where the cell is no such number.
    good
        bool, shape (rows,).
    """
    digits = _plain_digits(column)
    if digits is not None:
        good = digits <= LARGEST_NUMBER
        return np.where(good, digits, -1), good
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    good = (numbers >= 0) & (numbers <= LARGEST_NUMBER) & (numbers == np.floor(numbers))
    return np.where(good, numbers, -1).astype(np.int64), good


def _plain_digits(column: pd.Series[Any]) -> NDArray[np.int64] | None:
    """Read texts of which each is nothing but digits, the usual case, in a third of pandas' time; or None."""
    if pd.api.types.is_numeric_dtype(column):
        return None
    texts = column.tolist()
    try:
        joined = "".join(texts)
        if not (joined.isascii() and joined.isdigit()):
            return None  # int() takes more than we want: 1_000, and digits of other scripts
        return np.fromiter(map(int, texts), dtype=np.int64, count=len(texts))
    except (TypeError, ValueError, OverflowError):  # a cell that is no text, is empty, or is huge
        return None


def text_column(values: NDArray[np.object_], index: pd.Index[Any]) -> pd.Series[Any]:
    """Return texts as a column of the type that pandas gives text: ``str``, ``object`` before pandas 3."""
    return pd.Series(values, index=index, dtype="str")


def require_columns(columns: Iterable[object], source: str) -> None:
    """Refuse column names that are given twice, or among which a required one is missing.

    Raises
    ------
    PairTableError
    """
    names = [str(column) for column in columns]
    refuse_duplicates(names, source)
    missing = [column for column in REQUIRED if column not in names]
    if missing:
        raise PairTableError(
            f"{source}: needed columns are missing: {', '.join(missing)}. It has: {shown_columns(names)}. "
            "Rename its columns, or read a file in an accepted format (TargetFinder, BENGI, BEDPE, or CSV, TSV "
            f"or Parquet with the columns {', '.join(REQUIRED)}) with epidyn.read_pairs."
        )


def refuse_duplicates(names: Sequence[str], source: str) -> None:
    """Refuse column names of which one is given twice.

    Raises
    ------
    PairTableError
    """
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise PairTableError(
            f"{source}: more than one column is called {', '.join(map(quoted, twice))}. "
            "Column names must differ; rename or remove one."
        )


def shown_columns(names: Sequence[str], most: int = 30) -> str:
    """Return column names for a message: at most ``most``, the rest counted."""
    shown = [name if name.isidentifier() else quoted(name) for name in names[:most]]
    if len(names) > most:
        shown.append(f"... and {len(names) - most} more")
    return ", ".join(shown)


def in_order(columns: Iterable[str]) -> list[str]:
    """Return column names in our order: required, then optional, then any others as they come."""
    present = list(columns)
    known = [column for column in (*REQUIRED, *OPTIONAL) if column in present]
    return known + [column for column in present if column not in known]


def validate(
    table: pd.DataFrame,
    source: str,
    line_numbers: Sequence[int] | NDArray[np.int64] | None = None,
    *,
    same_chromosome: bool = True,
) -> pd.DataFrame:
    """Check every row of a pair table and give its known columns their types.

    Parameters
    ----------
    table
        Has at least the columns of ``REQUIRED``; cells may be text. It is not changed. Coordinates are
        0-based, half-open.
    source
        What messages call the table, for example its path.
    line_numbers
        For each row its 1-based line in the file. Without it, messages count rows from 0.
    same_chromosome
        Whether a pair whose elements lie on different chromosomes is a bad row.

    Returns
    -------
    The same rows and index; columns in the order required, optional, others. Coordinates are int64, ``label``
    (if there) is int8, ``tss`` (if there; it may be empty) is nullable Int64, chromosomes, cell lines and
    strands are stripped of white space. Any other column is as it was.

    Raises
    ------
    PairTableError
        If a required column is missing or any column name is given twice; or with every bad row: a
        coordinate that is no whole number from 0, start not below end, an empty chromosome, two chromosomes
        in one pair, a label other than 0 or 1. ``rows`` of the error holds one entry a complaint, in order.
    """
    require_columns(table.columns, source)
    findings = Findings("row" if line_numbers is None else "line")
    findings.look_at(range(len(table)) if line_numbers is None else line_numbers)
    checked = check(table, findings, same_chromosome=same_chromosome)
    findings.raise_if_any(source)
    if findings.renamed_hela:
        _log.info("%s: %s", source, HELA_NOTE)
    return checked


def check(table: pd.DataFrame, findings: Findings, *, same_chromosome: bool = True) -> pd.DataFrame:
    """Do the work of :func:`validate` on a chunk, and leave the complaints in ``findings``.

    The result is usable only if there are none.
    """
    columns: dict[str, Any] = {column: table[column] for column in in_order(table.columns)}
    for role in ROLES:
        columns |= _check_element(table, role, findings)
    if same_chromosome:
        enhancer, promoter = columns["enhancer_chrom"].to_numpy(), columns["promoter_chrom"].to_numpy()
        findings.add_where(
            (by_value(pd.Series(enhancer), bare) != by_value(pd.Series(promoter), bare))
            & (enhancer != "")
            & (promoter != ""),
            lambda i: (
                f"enhancer_chrom is {quoted(enhancer[i])}, promoter_chrom is {quoted(promoter[i])}; "
                "one chromosome is needed"
            ),
        )
    if "label" in columns:
        columns["label"] = _check_label(table["label"], findings)
    if "cell_line" in columns:
        columns["cell_line"] = _check_cell_line(table["cell_line"], findings)
    if "tss" in columns:
        columns["tss"] = _check_tss(table["tss"], findings)
    if "promoter_strand" in columns:
        strands = by_value(table["promoter_strand"], str.strip)
        columns["promoter_strand"] = text_column(strands, table.index)
    checked = pd.DataFrame(columns, index=table.index)
    checked.attrs = dict(table.attrs)
    return checked


def _check_element(table: pd.DataFrame, role: str, findings: Findings) -> dict[str, Any]:
    chrom = by_value(table[f"{role}_chrom"], str.strip)
    findings.add_where(chrom == "", lambda _: f"{role}_chrom is empty; a chromosome is needed")
    start, start_good = _check_coordinate(table[f"{role}_start"], findings)
    end, end_good = _check_coordinate(table[f"{role}_end"], findings)
    findings.add_where(
        start_good & end_good & (start >= end),
        lambda i: f"{role}_start is {start[i]}, {role}_end is {end[i]}; start below end is needed",
    )
    return {
        f"{role}_chrom": text_column(chrom, table.index),
        f"{role}_start": start,
        f"{role}_end": end,
    }


def _check_coordinate(column: pd.Series[Any], findings: Findings) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    values, good = whole_numbers(column)
    findings.add_where(
        ~good, lambda i: f"{column.name} is {quoted(column.iloc[i])}; a whole number from 0 is needed"
    )
    return values, good


def _check_label(column: pd.Series[Any], findings: Findings) -> NDArray[np.int8]:
    values, good = whole_numbers(column)
    findings.add_where(~good | (values > 1), lambda i: f"label is {quoted(column.iloc[i])}; 0 or 1 is needed")
    return np.where(good & (values == 1), 1, 0).astype(np.int8)


def _check_cell_line(column: pd.Series[Any], findings: Findings) -> pd.Series[Any]:
    lines = by_value(column, str.strip)
    findings.renamed_hela |= bool((lines == "HeLa").any())
    return text_column(by_value(pd.Series(lines), canonical_cell_line), column.index)


def _check_tss(column: pd.Series[Any], findings: Findings) -> pd.api.extensions.ExtensionArray:
    values, good = whole_numbers(column)
    if not good.all():
        findings.add_where(
            ~good & (by_value(column, str.strip) != ""),
            lambda i: f"tss is {quoted(column.iloc[i])}; a whole number from 0 or nothing is needed",
        )
    return pd.arrays.IntegerArray(values, ~good)
