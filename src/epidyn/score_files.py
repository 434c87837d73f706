"""Scores as files: a table, or what a genome browser draws arcs from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pandas as pd

from epidyn.browsers import BROWSERS, DIGITS
from epidyn.errors import OutputError
from epidyn.files import atomic_path
from epidyn.pairs import Write, open_table
from epidyn.pairs.write import BEDPE, PARQUET

_TSV = ("", ".tsv", ".txt", ".tab")


@contextmanager
def open_scores(out: str | os.PathLike[str] | None) -> Iterator[Write]:
    """Yield a function that takes the chunks of a scores table; the file is there when the block ends, or not.

    Parameters
    ----------
    out
        Where to write; its end says what: ``.bedpe`` (:mod:`epidyn.pairs.bedpe`), ``.parquet``, ``.interact`` or
        ``.longrange`` (:mod:`epidyn.browsers`), ``.csv``; ``.tsv``, ``.txt``, ``.tab`` or nothing for TSV; and
        ``.tsv.gz``, ``.csv.gz`` and ``.bedpe.gz``. None is standard output, as TSV.

    Raises
    ------
    OutputError
        If the name ends otherwise, or the file cannot be written.
    """
    name = "" if out is None else Path(out).name.lower()
    suffix = Path(name).suffix
    if out is None:
        yield _tsv(sys.stdout)
    elif name.endswith((PARQUET, BEDPE, ".csv", f"{BEDPE}.gz", ".csv.gz", ".tsv.gz")):
        with open_table(out, DIGITS) as write:
            yield write
    elif suffix in BROWSERS:
        with BROWSERS[suffix](out) as write:
            yield write
    elif suffix == ".gz":
        raise OutputError(
            f"cannot write {out}: only .tsv.gz, .csv.gz and .bedpe.gz are written gzipped. Leave out .gz; bgzip "
            "packs what a browser is to read by an index."
        )
    elif suffix not in _TSV:
        raise OutputError(
            f"cannot write {out}: nothing is written that ends in {suffix}. Take .tsv, .csv, .bedpe (with .gz "
            "or without), .parquet, .interact or .longrange."
        )
    else:
        with atomic_path(out) as beside, beside.open("w", encoding="utf-8", newline="") as handle:
            yield _tsv(handle)


def _tsv(handle: IO[str]) -> Write:
    empty = True

    def write(chunk: pd.DataFrame) -> None:
        nonlocal empty
        chunk.to_csv(handle, sep="\t", index=False, header=empty, float_format=DIGITS, lineterminator="\n")
        empty = False

    return write
