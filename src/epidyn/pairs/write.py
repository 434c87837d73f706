"""Writing pair tables: CSV or TSV with our own column names, BEDPE, Parquet."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pandas as pd

from epidyn.errors import OutputError, PairTableError
from epidyn.files import atomic_path, writing_text
from epidyn.pairs.bedpe import bedpe_rows
from epidyn.pairs.parquet import parquet_writer
from epidyn.pairs.schema import in_order, require_columns

PARQUET, BEDPE = ".parquet", ".bedpe"

# Takes the chunks of a table one after another.
Write = Callable[[pd.DataFrame], None]


def write_pairs(table: pd.DataFrame | Iterable[pd.DataFrame], path: str | os.PathLike[str]) -> None:
    """Write a table of pairs, whole or not at all; :func:`read_pairs` reads it back.

    Parameters
    ----------
    table
        A table with at least the required columns, or its chunks one after another, all with the same
        columns. Coordinates are written as they are: 0-based, half-open. The index is not written; a missing
        value becomes an empty cell.
    path
        Ends in ``.csv`` or ``.tsv`` (which settles the delimiter), or ``.bedpe``, and maybe ``.gz``; or in
        ``.parquet``. Columns are written in the order required, optional, others; in BEDPE as
        :func:`epidyn.pairs.bedpe.bedpe_rows` says. The same table gives the same bytes.

    Raises
    ------
    OutputError
        If the name ends otherwise, or the file cannot be written.
    PairTableError
        If a needed column is missing, a name is given twice, chunks differ in columns, there is none, or the
        format cannot hold a cell.
    ConfigError
        If Parquet is wanted and the extra that writes it is not installed.
    """
    with open_table(path) as write:
        for chunk in [table] if isinstance(table, pd.DataFrame) else table:
            write(chunk)


@contextmanager
def open_table(path: str | os.PathLike[str], float_format: str | None = None) -> Iterator[Write]:
    """Yield a function that takes the chunks of a table; the file is there when the block ends, or not at all.

    Parameters
    ----------
    path
        As for :func:`write_pairs`.
    float_format
        How text formats write numbers that are not whole, for example ``%.7g``; by default all their digits.

    Raises
    ------
    PairTableError, OutputError, ConfigError
        As :func:`write_pairs`.
    """
    path = Path(path)
    write_as = _writer(path)
    columns: list[str] = []
    with atomic_path(path) as beside, write_as(beside, path, float_format) as write:

        def check_and_write(chunk: pd.DataFrame) -> None:
            require_columns(chunk.columns, f"table for {path}")
            if columns and set(columns) != set(chunk.columns):
                raise PairTableError(
                    f"table for {path}: its chunks differ in columns. All need: {', '.join(columns)}."
                )
            columns[:] = columns or in_order(chunk.columns)
            write(chunk[columns])

        yield check_and_write
        if not columns:
            raise PairTableError(f"table for {path}: there is nothing to write, not even columns.")


@contextmanager
def _text(
    beside: Path, target: Path, float_format: str | None, *, delimiter: str, bedpe: bool = False, gzipped: bool
) -> Iterator[Write]:
    with writing_text(beside, gzipped=gzipped) as text:
        empty = True

        def write(chunk: pd.DataFrame) -> None:
            nonlocal empty
            rows = bedpe_rows(chunk, target) if bedpe else chunk
            rows.to_csv(
                text,
                sep=delimiter,
                header=empty,
                index=False,
                float_format=float_format,
                lineterminator="\n",
                quoting=csv.QUOTE_NONE if bedpe else csv.QUOTE_MINIMAL,
            )
            empty = False

        yield write


_Writer = Callable[[Path, Path, str | None], AbstractContextManager[Write]]
_TEXT: dict[str, Callable[..., AbstractContextManager[Write]]] = {
    ".csv": partial(_text, delimiter=","),
    ".tsv": partial(_text, delimiter="\t"),
    BEDPE: partial(_text, delimiter="\t", bedpe=True),
}


def _writer(path: Path) -> _Writer:
    """Return what writes the format that a file's name ends in."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [PARQUET]:
        return parquet_writer
    gzipped = suffixes[-1:] == [".gz"]
    text = _TEXT.get("".join(suffixes[-2:-1] if gzipped else suffixes[-1:]))
    if text is None:
        raise OutputError(
            f"cannot write {path}: a pair table's name must end in .csv, .tsv or .bedpe, and maybe .gz, or in "
            f"{PARQUET}."
        )
    return partial(text, gzipped=gzipped)
