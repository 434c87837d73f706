"""Writing pair tables as CSV, TSV or Parquet, with our own column names, or as BEDPE."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import pandas as pd

from epidyn.errors import OutputError, PairTableError
from epidyn.files import atomic_path
from epidyn.pairs.bedpe import SUFFIX as BEDPE_SUFFIX
from epidyn.pairs.bedpe import to_bedpe
from epidyn.pairs.parquet import SUFFIX as PARQUET_SUFFIX
from epidyn.pairs.parquet import open_parquet
from epidyn.pairs.schema import in_order, require_columns

DELIMITERS = {".csv": ",", ".tsv": "\t", BEDPE_SUFFIX: "\t"}


def write_pairs(table: pd.DataFrame | Iterable[pd.DataFrame], path: str | os.PathLike[str]) -> None:
    """Write a table of pairs, whole or not at all; :func:`read_pairs` reads it back.

    Parameters
    ----------
    table
        A table with at least the required columns, or its chunks one after another, all with the same
        columns. Coordinates are written as they are: 0-based, half-open. The index is not written; a missing
        value becomes an empty cell.
    path
        Ends in ``.csv``, ``.tsv`` or ``.bedpe``, and maybe ``.gz``, or in ``.parquet``, which settles the format.
        Columns are written in the order required, optional, others (of BEDPE see :mod:`epidyn.pairs.bedpe`). The
        same table gives the same bytes.

    Raises
    ------
    OutputError
        If the name ends otherwise, or the file cannot be written.
    PairTableError
        If a needed column is missing, a name is given twice, chunks differ in columns, or there is none.
    """
    path = Path(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    gzipped = suffixes[-1:] == [".gz"]
    suffix = "".join(suffixes[-2:-1] if gzipped else suffixes[-1:])
    chunks = [table] if isinstance(table, pd.DataFrame) else table
    if suffix == PARQUET_SUFFIX and not gzipped:
        with open_parquet(path) as write:
            for chunk in chunks:
                write(chunk)
        return
    delimiter = DELIMITERS.get(suffix)
    if delimiter is None:
        raise OutputError(
            f"cannot write {path}: a pair table's name must end in .csv, .tsv or .bedpe, and maybe .gz; or in "
            ".parquet."
        )
    with atomic_path(path) as beside, beside.open("wb") as binary:
        # No name and no time in the gzip header, so that equal tables are equal files.
        stream = gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0) if gzipped else binary
        with io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
            _write_chunks(chunks, text, delimiter, path, to_bedpe if suffix == BEDPE_SUFFIX else None)


def _write_chunks(
    chunks: Iterable[pd.DataFrame],
    text: IO[str],
    delimiter: str,
    path: Path,
    form: Callable[[pd.DataFrame], pd.DataFrame] | None,
) -> None:
    columns: list[str] = []
    for chunk in chunks:
        require_columns(chunk.columns, f"table for {path}")
        if columns and set(columns) != set(chunk.columns):
            raise PairTableError(
                f"table for {path}: its chunks differ in columns. All need: {', '.join(columns)}."
            )
        first = not columns
        columns = columns or in_order(chunk.columns)
        written = chunk[columns] if form is None else form(chunk[columns])
        written.to_csv(text, sep=delimiter, header=first, index=False, lineterminator="\n")
    if not columns:
        raise PairTableError(f"table for {path}: there is nothing to write, not even columns.")
