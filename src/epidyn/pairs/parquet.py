"""Pair tables as Parquet, with our own column names: 0-based, half-open coordinates."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from epidyn.errors import ConfigError, InputFileError, PairTableError
from epidyn.files import atomic_path
from epidyn.pairs.findings import Findings
from epidyn.pairs.schema import REQUIRED, check, in_order, refuse_duplicates, require_columns, shown_columns

SUFFIX = ".parquet"
NAME = "Parquet"
_MAGIC = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Tell by its first bytes, not its name, whether ``path`` is Parquet."""
    with path.open("rb") as handle:
        return handle.read(len(_MAGIC)) == _MAGIC


def parquet_chunks(path: Path, rows: int, findings: Findings) -> Iterator[tuple[pd.DataFrame, float]]:
    """Yield checked chunks of at most ``rows`` rows, and the share of the file that is read by then.

    Rows are counted from 1 in what ``findings`` say. Columns that we do not know become text.

    Raises
    ------
    InputFileError
        If the file is damaged.
    PairTableError
        If it lacks a column that is needed, or has one twice.
    """
    parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            missing = [name for name in REQUIRED if name not in names]
            if missing:
                raise PairTableError(
                    f"{path}: no known pair table. Needed columns are missing: {', '.join(missing)}. It has "
                    f"{shown_columns(names)}."
                )
            refuse_duplicates(names, str(path))
            total, read = file.metadata.num_rows, 0
            for batch in file.iter_batches(batch_size=rows):
                table = batch.to_pandas()
                findings.look_at(range(read + 1, read + 1 + len(table)))
                read += len(table)
                checked = check(table.apply(_as_text), findings)
                checked.attrs = {"source": str(path), "format": NAME}
                yield checked, read / total
    except (OSError, ValueError, UnicodeDecodeError) as error:  # pyarrow's errors are of these
        if isinstance(error, InputFileError | PairTableError):
            raise
        raise InputFileError(f"pair table {path} is damaged Parquet ({error}). Copy or write it again.") from error


@contextmanager
def open_parquet(path: str | os.PathLike[str]) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield a function that writes chunks of a pair table, all of the same columns, to a file whole or not there.

    Raises
    ------
    OutputError
        If it cannot be written.
    PairTableError
        If a needed column is missing, chunks differ in columns, or there is none.
    """
    parquet = _pyarrow()
    from pyarrow import Table

    writer: Any = None

    def write(chunk: pd.DataFrame) -> None:
        nonlocal writer
        require_columns(chunk.columns, f"table for {path}")
        columns = in_order(chunk.columns)
        known = columns if writer is None else writer.schema.names
        if set(columns) != set(known):
            raise PairTableError(f"table for {path}: its chunks differ in columns. All need: {', '.join(known)}.")
        schema = None if writer is None else writer.schema
        table = Table.from_pandas(chunk[known], preserve_index=False, schema=schema).replace_schema_metadata(None)
        if writer is None:
            writer = parquet.ParquetWriter(beside, table.schema)
        writer.write_table(table)

    with atomic_path(path) as beside:
        try:
            yield write
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise PairTableError(f"table for {path}: there is nothing to write, not even columns.")


def _as_text(column: pd.Series[Any]) -> pd.Series[str]:
    """Return a column as a text table would have it: a missing value is empty, 1.0 in a column of floats is 1."""
    if pd.api.types.is_float_dtype(column.dtype):
        whole = column.dropna()
        if len(whole) and (whole == whole.round()).all() and whole.abs().max() < 2**53:
            column = column.astype("Int64")
    return column.astype("str").where(column.notna(), "").astype("str")


def _pyarrow() -> ModuleType:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigError("Parquet needs pyarrow. Install it: pip install 'epidyn[parquet]'.") from error
    return parquet  # type: ignore[no-any-return]
