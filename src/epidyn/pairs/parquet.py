"""Pair tables as Parquet, with our own column names and 0-based, half-open coordinates; needs pyarrow.

Row groups are read and written one after another. Columns that we do not know keep their types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from epidyn.errors import ConfigError, InputFileError, PairTableError
from epidyn.pairs.schema import OPTIONAL, REQUIRED, require_columns

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC = b"PAR1"
FORMAT = "Parquet, epidyn columns"
_NUMBERS = {"label", "tss", *(name for name in REQUIRED if not name.endswith("_chrom"))}
_TEXTS = {*REQUIRED, *OPTIONAL} - _NUMBERS


def is_parquet(path: Path) -> bool:
    """Tell by its first bytes, not its name, whether a file is Parquet."""
    with path.open("rb") as handle:
        return handle.read(len(MAGIC)) == MAGIC


def iter_parquet(path: Path, rows: int) -> Iterator[tuple[pd.DataFrame, float]]:
    """Yield the table in chunks of ``rows``, the last may have fewer, with the share of the rows read by then.

    Numbers and texts of known columns may have any type that holds them; they are not checked yet. Text that is
    missing is empty. A file without rows gives no chunk.

    Raises
    ------
    ConfigError
        If pyarrow is not installed.
    InputFileError
        If the file is damaged or truncated.
    PairTableError
        If a needed column is missing, a name is given twice, or a known column has a type that cannot be used.
    """
    arrow, parquet = _arrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            text = _text_columns(file.schema_arrow, path)
            total, done = file.metadata.num_rows, 0
            for batch in file.iter_batches(batch_size=rows):
                done += len(batch)
                yield _with_text(batch.to_pandas(types_mapper=_whole_numbers().get), text), done / total
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputFileError(
            f"pair table {path} cannot be read as Parquet ({reason}). Copy or make it again."
        ) from error


@contextmanager
def parquet_writer(
    beside: Path, target: Path, float_format: str | None = None
) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield a function that writes one chunk as a row group; types are those of the first.

    Numbers keep all their digits, whatever ``float_format`` says to formats of text.

    Raises
    ------
    ConfigError
        If pyarrow is not installed.
    PairTableError
        If a column of a chunk has values of several types, or of another than in the first chunk.
    """
    arrow, parquet = _arrow(target)
    writer: Any = None

    def write(chunk: pd.DataFrame) -> None:
        nonlocal writer
        try:
            # Without the metadata of pandas, which hold the path that a table was read from.
            schema = writer.schema if writer else arrow.Schema.from_pandas(chunk, preserve_index=False)
            schema = schema.remove_metadata()
            table = arrow.Table.from_pandas(chunk, schema=schema, preserve_index=False)
        except (arrow.ArrowException, TypeError) as error:
            raise PairTableError(
                f"table for {target}: Parquet cannot hold it ({' '.join(map(str, error.args))}). Give each column "
                "values of one type."
            ) from error
        writer = writer or parquet.ParquetWriter(beside, schema)
        writer.write_table(table.replace_schema_metadata(None))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _arrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(f"{path}: Parquet needs pyarrow. Install it: pip install 'epidyn[parquet]'.") from error
    return pyarrow, pyarrow.parquet


def _whole_numbers() -> dict[pa.DataType, Any]:
    """Whole numbers of which some are missing stay whole, in each chunk alike."""
    import pyarrow as pa

    sizes = (8, 16, 32, 64)
    signed = {getattr(pa, f"int{size}")(): getattr(pd, f"Int{size}Dtype")() for size in sizes}
    return signed | {getattr(pa, f"uint{size}")(): getattr(pd, f"UInt{size}Dtype")() for size in sizes}


def _text_columns(schema: pa.Schema, path: Path) -> list[str]:
    """Return the columns of text, those that are to become text among them; refuse types that cannot be used."""
    import pyarrow as pa

    require_columns(schema.names, str(path))
    text: list[str] = []
    bad: list[str] = []
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        is_text = any(
            test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
        )
        is_whole = pa.types.is_integer(kind)
        is_number = is_whole or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        if field.name in _NUMBERS:
            if not (is_text or is_number or pa.types.is_null(kind)):
                bad.append(f"{field.name} is of type {field.type}; whole numbers are needed")
        elif is_text or field.name in _TEXTS:
            text.append(field.name)
            if not (is_text or is_whole or pa.types.is_null(kind)):
                bad.append(f"{field.name} is of type {field.type}; text is needed")
    if bad:
        raise PairTableError(f"{path}: columns have types that cannot be used. Convert them:", bad)
    return text


def _with_text(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the table with text, empty where it is missing, in these columns."""
    filled = table.copy()
    for name in names:
        filled[name] = table[name].astype("object").fillna("").astype("str")
    return filled
