"""Reading pair tables: the format is found from the first lines, rows are read and checked in chunks.

Every cell is read as text, exactly as in the file (``007``, ``NA`` and ``1.50`` stay what they are); only
the known columns then get their types. The csv module does the reading, not pandas: it knows each row's line,
and takes no cell for a number or a missing value.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pandas as pd

from epidyn.errors import ConfigError, PairTableError
from epidyn.fetch import located
from epidyn.files import open_text, require_file
from epidyn.pairs.bedpe import BEDPE
from epidyn.pairs.bengi import BENGI
from epidyn.pairs.columns import OWN_COLUMNS
from epidyn.pairs.findings import Findings
from epidyn.pairs.layout import Layout
from epidyn.pairs.parquet import FORMAT as PARQUET
from epidyn.pairs.parquet import is_parquet, iter_parquet
from epidyn.pairs.schema import HELA_NOTE, check, refuse_duplicates, shown_columns
from epidyn.pairs.targetfinder import TARGETFINDER_FULL, TARGETFINDER_NAMES
from epidyn.progress import bar

LAYOUTS: tuple[Layout, ...] = (OWN_COLUMNS, TARGETFINDER_NAMES, TARGETFINDER_FULL, BENGI, BEDPE)
DELIMITERS = {"\t": "tab", ",": "comma"}
COMMENT = "#"
CHUNK_ROWS = 8192
WHAT = "pair table"

_log = logging.getLogger("epidyn")


def read_pairs(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of enhancer-promoter pairs: TargetFinder, BENGI, BEDPE, or our own columns; gzipped or not.

    The format is found from the header and columns, and reported in the log with the number of pairs.

    Parameters
    ----------
    path
        A table separated by commas or tabs, or Parquet with our own columns; or the name of one, such as
        ``targetfinder:GM12878``, which is fetched if it is not at hand (:mod:`epidyn.fetch`).

    Returns
    -------
    One row a pair, in the file's order. Columns: the required ones (``enhancer_chrom``, ``enhancer_start``,
    ``enhancer_end`` and the same of the promoter; 0-based, half-open, int64), then those of ``label`` (int8),
    ``cell_line``, ``enhancer_name``, ``promoter_name``, ``tss`` (0-based, Int64, may be empty),
    ``promoter_strand``, ``gene`` and ``split`` that the file has, then its other columns as text exactly as
    in the file, empty cells as empty text (of Parquet with their own types). ``attrs`` holds ``source`` and
    ``format``.

    Raises
    ------
    InputFileError
        If the file is missing, empty, no text, or a truncated or damaged gzip.
    PairTableError
        If its format is unknown or ambiguous, it has no rows, or has bad rows, all of which are named.
    ConfigError
        If it is Parquet and the extra that reads it is not installed.
    """
    path = located(path)
    size = require_file(path, WHAT).stat().st_size
    with bar(f"reading {Path(path).name}", size) as advance:
        return pd.concat(list(iter_pairs(path, on_bytes=advance)), ignore_index=True)


def iter_pairs(
    path: str | os.PathLike[str],
    rows: int = CHUNK_ROWS,
    on_bytes: Callable[[int], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """Read a table of pairs in chunks, so that memory does not grow with the table.

    Parameters
    ----------
    path
        As for :func:`read_pairs`.
    rows
        Pairs a chunk; the last may have fewer.
    on_bytes
        Called before each chunk with the bytes of the file (as it lies on the disk, gzipped or not; of Parquet by
        the share of its rows) read since the last call; all calls add up to the file's size.

    Yields
    ------
    Chunks of what :func:`read_pairs` returns; the index is the 0-based row number over the whole file.
    Once a bad row is met no more chunks come, but the rest of the file is still checked.

    Raises
    ------
    InputFileError, PairTableError
        As :func:`read_pairs`, when the first chunk is asked for or later.
    ConfigError
        If ``rows`` is below 1.
    """
    if rows < 1:
        raise ConfigError(f"rows is {rows}; a chunk needs at least 1 row.")
    path = located(path)
    parquet = is_parquet(require_file(path, WHAT))
    findings = Findings("row" if parquet else "line")
    chunks = _parquet_chunks(path, rows, findings) if parquet else _text_chunks(path, rows, findings)
    total = positives = bytes_before = 0
    form, labelled = "", False
    for table, bytes_read in chunks:
        if on_bytes is not None:
            on_bytes(bytes_read - bytes_before)
        bytes_before = bytes_read
        form, labelled = table.attrs["format"], "label" in table
        positives += int(table["label"].sum()) if labelled else 0
        table.index = pd.RangeIndex(total, total + len(table))
        total += len(table)
        if not findings:
            yield table
    if on_bytes is not None:
        on_bytes(path.stat().st_size - bytes_before)
    findings.raise_if_any(str(path))
    if not total:
        raise PairTableError(f"{path}: it has a header but no rows. A pair table needs at least one pair.")
    counted = f"{total:,} {'pair' if total == 1 else 'pairs'}"
    notes = [form, counted, f"{positives:,} positive" if labelled else "no labels"]
    if findings.renamed_hela:
        notes.append(HELA_NOTE)
    _log.info("%s: %s", path, ", ".join(notes))


def _text_chunks(path: Path, rows: int, findings: Findings) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield checked chunks of a table of text, each with the bytes of the file that were read by then."""
    with open_text(path, WHAT) as handle:
        source = _open_source(str(path), handle)
        for table in _chunks(source, rows, findings):
            yield table, _position(handle)


def _parquet_chunks(path: Path, rows: int, findings: Findings) -> Iterator[tuple[pd.DataFrame, int]]:
    """Do the same for Parquet; a share of the rows stands for that share of the bytes."""
    size, number = path.stat().st_size, 0
    for table, share in iter_parquet(path, rows):
        findings.look_at(range(number, number + len(table)))
        checked = check(table, findings)
        checked.attrs = {"source": str(path), "format": PARQUET}
        number += len(table)
        yield checked, int(size * share)


@dataclass
class _Source:
    """An opened table whose format is known, before its first row.

    Parameters
    ----------
    lines
        All its lines, the header's too.
    header_line
        The 1-based line of the header; 0 if there is none.
    """

    path: str
    lines: Iterator[str]
    layout: Layout
    delimiter: str
    names: list[str]
    header_line: int


def _position(handle: IO[str]) -> int:
    """Return how many bytes were read from the disk."""
    binary = cast(io.TextIOWrapper, handle).buffer
    on_disk = binary.fileobj if isinstance(binary, gzip.GzipFile) else binary
    return cast(io.BufferedReader, on_disk).tell()


def _open_source(path: str, handle: IO[str]) -> _Source:
    head: list[str] = []
    rows: list[int] = []  # where in the head the filled lines are that do not begin with #
    for line in handle:
        head.append(line)
        if line.strip() and not line.startswith(COMMENT):
            rows.append(len(head) - 1)
        if len(rows) == 2:
            break
    filled = [i for i, line in enumerate(head) if line.strip()]
    if not filled:
        raise PairTableError(f"{path}: it holds nothing but blank lines. A pair table is needed.")
    layout, delimiter = _detect(path, [head[i] for i in filled[:2]], [head[i] for i in rows])
    if layout.plain:
        names, header = _plain_names(layout, head, rows[0])
    else:
        names, header = list(layout.columns) or _split(head[filled[0]], delimiter), filled[0]
        header = -1 if layout.columns else header
    refuse_duplicates(names, path)
    lines = itertools.chain(head, handle)
    return _Source(
        path=path,
        lines=map(_without_comment, lines) if layout.plain else lines,
        layout=layout,
        delimiter=delimiter,
        names=names,
        header_line=header + 1,
    )


def _plain_names(layout: Layout, head: Sequence[str], first: int) -> tuple[list[str], int]:
    """Return the names of the columns, and where in the head a header without # is, -1 if nowhere.

    ``first`` is where the first line is that does not begin with #. Columns behind those that the layout names are
    called as in the header, or ``column_11`` and so on.
    """
    known = len(layout.columns)
    cells = _cells(head[first])
    if layout.is_header(cells):
        return [*layout.columns, *cells[known:]], first
    headers = [_cells(line) for line in head[:first] if line.startswith(COMMENT)]
    numbered = [f"column_{number}" for number in range(1, len(cells) + 1)]
    header = next((each for each in headers if len(each) >= known), numbered)
    return [*layout.columns, *header[known:]], -1


def _cells(line: str) -> list[str]:
    """Return the cells of a line of a plain format."""
    return line.rstrip("\n").split("\t")


def _without_comment(line: str) -> str:
    return "\n" if line.startswith(COMMENT) else line


def _detect(path: str, filled: Sequence[str], rows: Sequence[str]) -> tuple[Layout, str]:
    """Return the one format, with its delimiter, that a file has.

    ``filled`` are its first two lines that are not blank (or one), ``rows`` those that do not begin with # either.
    """
    candidates = [
        (layout, delimiter)
        for layout in LAYOUTS
        for delimiter in DELIMITERS
        if _matches(layout, rows if layout.plain else filled, delimiter)
    ]
    if len(candidates) == 1:
        return candidates[0]
    accepted = [f"{layout.name}: {layout.description}" for layout in LAYOUTS]
    if candidates:
        both = " or ".join(f"{layout.name} separated by {DELIMITERS[mark]}" for layout, mark in candidates)
        raise PairTableError(
            f"{path}: its format is ambiguous: {both}. Rename columns so that one is left. Accepted:",
            accepted,
        )
    names = max((_split(filled[0], delimiter) for delimiter in DELIMITERS), key=len)
    raise PairTableError(
        f"{path}: no known pair table. {_missing(names)} Its first line: {shown_columns(names)}. Accepted:",
        accepted,
    )


def _matches(layout: Layout, lines: Sequence[str], delimiter: str) -> bool:
    if not lines or delimiter not in lines[0] or (layout.plain and delimiter != "\t"):
        return False
    split = [_cells(line) if layout.plain else _split(line, delimiter) for line in lines]
    return layout.matches(split[0], split[1] if len(split) > 1 else [])


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\n")], delimiter=delimiter), [])
    except csv.Error:  # a cell beyond the csv module's limit of 131,072 characters: no table
        return [line]


def _missing(names: Sequence[str]) -> str:
    """Say which columns the header lacks for the format to which it is nearest."""
    lacking = [[column for column in layout.needed if column not in names] for layout in LAYOUTS]
    nearest = min((columns for columns in lacking if columns), key=len)
    return f"Needed columns are missing: {', '.join(nearest)}."


def _chunks(source: _Source, rows: int, findings: Findings) -> Iterator[pd.DataFrame]:
    """Yield checked chunks; those after a complaint are of use only to find more."""
    # The cells of all rows one after another: a list a row would keep the garbage collector busy.
    cells: list[str] = []
    numbers: list[int] = []
    for number, row in _rows(source, findings):
        cells += row
        numbers.append(number)
        if len(numbers) == rows:
            yield _table(source, cells, numbers, findings)
            cells, numbers = [], []
    if numbers:
        yield _table(source, cells, numbers, findings)


def _rows(source: _Source, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the 1-based number of its first line; rows of another width are reported."""
    reader = csv.reader(
        source.lines,
        delimiter=source.delimiter,
        strict=True,
        quoting=csv.QUOTE_NONE if source.layout.plain else csv.QUOTE_MINIMAL,
    )
    width = len(source.names)
    number = 1
    try:
        for row in reader:
            if len(row) == width and number != source.header_line:
                yield number, row
            elif number != source.header_line and not _is_blank(row):
                cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
                findings.add(number, f"{cells}; {width}, as many as columns, are needed")
            number = reader.line_num + 1
    except csv.Error as error:
        findings.add(number, f"it cannot be split into cells ({error}); close or double its quotes")


def _is_blank(row: Sequence[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _table(source: _Source, cells: list[str], numbers: list[int], findings: Findings) -> pd.DataFrame:
    width = len(source.names)
    columns = {name: pd.Series(cells[i::width], dtype="str") for i, name in enumerate(source.names)}
    text = pd.DataFrame(columns)
    findings.look_at(numbers)
    table = check(source.layout.derive(text, findings), findings)
    table.attrs = {"source": source.path, "format": source.layout.name}
    return table
