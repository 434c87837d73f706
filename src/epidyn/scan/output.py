"""The file of a scan: bgzipped, in the order of promoters, with a tabix index and what it came from beside it.

It is made of pieces, each whole BGZF blocks of its own, so that pieces one after another are a file, and the same
pieces are the same file whoever put them together. A piece with the header comes first, an empty block last.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pysam

from epidyn.elements import ROLES
from epidyn.errors import InputFileError, OutputError
from epidyn.files import atomic_path, clear_partials, write_json
from epidyn.pairs import REQUIRED
from epidyn.scores import LOGIT, PROBABILITY, RAW_PROBABILITY

SUFFIX = ".tsv.gz"
FORMAT_VERSION = 1

# What bgzip writes at the end of each file.
EMPTY_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_PROMOTER_COLUMNS = tuple(REQUIRED.index(f"promoter_{part}") for part in ("chrom", "start", "end"))
_LARGEST_TBI = 2**29  # bases of a chromosome that a .tbi can index
_LARGEST_BLOCK = 1 << 16  # bytes of a BGZF block
_AT_ONCE = 1 << 20


def columns(*, calibrated: bool) -> list[str]:
    """Return the columns of a scan, in order."""
    described = [*(f"{role}_name" for role in ROLES), "tss", "promoter_strand", "gene", "distance"]
    return [*REQUIRED, *described, LOGIT, PROBABILITY, *([RAW_PROBABILITY] if calibrated else [])]


def refuse_name(out: str | os.PathLike[str]) -> None:
    """Raise OutputError if ``out`` does not end as a scan does, or its folder does not exist."""
    out = Path(out)
    if not out.name.endswith(SUFFIX):
        raise OutputError(f"--out is {out}; a scan is a bgzipped table, so its name must end in {SUFFIX}.")
    if not out.parent.is_dir():
        raise OutputError(f"cannot write {out}: there is no folder {out.parent}. Make it first.")


def settings_path(out: str | os.PathLike[str]) -> Path:
    """Return where a scan says what it came from."""
    return Path(f"{os.fspath(out)}.json")


def index_path(out: str | os.PathLike[str], largest: int) -> Path:
    """Return where the index of a scan lies whose largest chromosome has so many bases."""
    return Path(f"{os.fspath(out)}.{'csi' if largest > _LARGEST_TBI else 'tbi'}")


def write_piece(path: str | os.PathLike[str], text: str) -> None:
    """Write a piece, whole or not at all."""
    with atomic_path(path) as beside, pysam.BGZFile(str(beside), "wb", None) as stream:
        stream.write(text.encode())


def rows_text(rows: pd.DataFrame) -> str:
    """Return rows as the file has them, without a header."""
    return rows.to_csv(sep="\t", index=False, header=False, float_format="%.7g", lineterminator="\n")


def header_text(names: Sequence[str]) -> str:
    """Return the header as the file has it."""
    return "\t".join(names) + "\n"


def count_rows(pieces: Iterable[Path]) -> int:
    """Return the number of lines in pieces without a header."""
    count = 0
    for piece in pieces:
        with gzip.open(piece, "rb") as lines:
            count += sum(chunk.count(b"\n") for chunk in iter(lambda: lines.read(_AT_ONCE), b""))
    return count


def join(
    out: str | os.PathLike[str],
    pieces: Iterable[tuple[Path, int]],
    settings: dict[str, Any],
    *,
    largest: int,
) -> None:
    """Make a scan of its pieces: the table last, so that where it is the rest is, too.

    Parameters
    ----------
    out
        Where to.
    pieces
        Files, each with the number of its first bytes that are left out.
    settings
        What is written beside it.
    largest
        Bases of the largest chromosome.
    """
    index = index_path(out, largest)
    clear_partials((out, index, settings_path(out)))
    with atomic_path(out) as beside:
        with beside.open("wb") as whole:
            for path, skipped in pieces:
                _append(path, skipped, whole)
            whole.write(EMPTY_BLOCK)
        with atomic_path(index) as index_beside:
            _index(beside, index_beside, csi=index.suffix == ".csi")
        write_json(settings_path(out), settings)


def refuse_truncated(path: Path) -> None:
    """Raise InputFileError if a file does not end as :func:`join` ends it."""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - len(EMPTY_BLOCK)))
        if handle.read() != EMPTY_BLOCK:
            raise InputFileError(f"{path} is truncated: the block that ends a bgzip file is missing. Scan again.")


def header_bytes(path: Path) -> int:
    """Return how many bytes the first block of a file takes, which in a scan holds the header alone.

    Raises
    ------
    InputFileError
        If it is no file that :func:`join` wrote.
    """
    with path.open("rb") as handle:
        content = handle.read(_LARGEST_BLOCK)
    length = int.from_bytes(content[16:18], "little") + 1
    try:
        header = gzip.decompress(content[:length])
    except (EOFError, OSError) as error:
        raise InputFileError(f"{path} is no scan ({error}). Scan again.") from error
    if not header.endswith(b"\n") or header.count(b"\n") != 1:
        raise InputFileError(f"{path} was changed since epidyn scan wrote it. Scan again.")
    return length


def _append(path: Path, skipped: int, whole: IO[bytes]) -> None:
    """Copy a file without its first bytes and the empty block at its end."""
    refuse_truncated(path)
    left = path.stat().st_size - skipped - len(EMPTY_BLOCK)
    with path.open("rb") as piece:
        piece.seek(skipped)
        while left > 0:
            chunk = piece.read(min(left, _AT_ONCE))
            whole.write(chunk)
            left -= len(chunk)


def _index(table: Path, index: Path, *, csi: bool) -> None:
    chrom, start, end = _PROMOTER_COLUMNS
    pysam.tabix_index(
        str(table),
        seq_col=chrom,
        start_col=start,
        end_col=end,
        zerobased=True,
        line_skip=1,
        index=str(index),
        csi=csi,
    )
