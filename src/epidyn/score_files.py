"""Scores as files: a table, or what a genome browser draws arcs from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from epidyn.files import atomic_path
from epidyn.pairs.bedpe import SUFFIX as BEDPE
from epidyn.pairs.bedpe import joined_names, to_bedpe
from epidyn.pairs.parquet import SUFFIX as PARQUET
from epidyn.pairs.parquet import open_parquet
from epidyn.scores import PROBABILITY

INTERACT, LONGRANGE = ".interact", ".longrange"
TRACK = (
    'track type=interact name="epidyn" description="enhancer-promoter interactions, by probability" '
    "interactDirectional=true useScore=on maxHeightPixels=200:100:50 visibility=full\n"
)
_COLOUR = "0,114,178"

Write = Callable[[pd.DataFrame], None]


@contextmanager
def open_scores(out: str | os.PathLike[str] | None) -> Iterator[Write]:
    """Yield a function that writes chunks of a scores table, one after another; the file is whole or not there.

    The name's end says what is written: ``.bedpe`` (:mod:`epidyn.pairs.bedpe`), ``.parquet``, ``.interact`` (the
    UCSC browser, :func:`to_interact`), ``.longrange`` (the WashU browser, :func:`to_longrange`); TSV with any
    other.

    Parameters
    ----------
    out
        Where to write; None is standard output, as TSV.
    """
    suffix = "" if out is None else Path(out).suffix
    if out is not None and suffix == PARQUET:
        with open_parquet(out) as write:
            yield write
        return
    with _open_text(out) as handle:
        if suffix == LONGRANGE:
            chunks: list[pd.DataFrame] = []
            yield lambda scores: chunks.append(to_longrange(scores))
            if chunks:  # the browser's index needs the whole of it in order
                whole = pd.concat(chunks).sort_values(["chrom", "start", "end", "other"], kind="stable")
                _write(whole, handle, header=False)
            return
        if suffix == INTERACT:
            handle.write(TRACK)
            yield lambda scores: _write(to_interact(scores), handle, header=False)
            return
        yield _Table(handle, to_bedpe if suffix == BEDPE else None).write


def to_interact(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores as rows of UCSC's interact format, 18 columns: 0-based, half-open.

    ``score`` is 1,000 times the probability, rounded, ``value`` the probability; the enhancer is the source, the
    promoter the target. The row's own interval is from the first base of both to the last.
    """
    low = np.minimum(scores["enhancer_start"], scores["promoter_start"])
    high = np.maximum(scores["enhancer_end"], scores["promoter_end"])
    strand = (
        scores["promoter_strand"].astype("str") if "promoter_strand" in scores else pd.Series("", scores.index)
    )
    return pd.DataFrame(
        {
            "chrom": scores["enhancer_chrom"],
            "chromStart": low,
            "chromEnd": high,
            "name": _one_word(joined_names(scores)),
            "score": (1000 * scores[PROBABILITY]).round().astype("int64"),
            "value": scores[PROBABILITY],
            "exp": ".",
            "color": _COLOUR,
            **_end("source", scores, "enhancer", "."),
            **_end("target", scores, "promoter", strand.where(strand.isin(["+", "-"]), ".")),
        }
    )


def to_longrange(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores as rows of WashU's longrange format, two a pair, one from either end: 0-based, half-open.

    Columns ``chrom``, ``start``, ``end`` and ``other``: ``CHROM:START-END,PROBABILITY`` of the other end.
    """
    value = scores[PROBABILITY].map("{:.7g}".format)
    ends = []
    for role, other in (("enhancer", "promoter"), ("promoter", "enhancer")):
        start, end = (scores[f"{other}_{part}"].astype("str") for part in ("start", "end"))
        place = scores[f"{other}_chrom"].astype("str") + ":" + start + "-" + end + "," + value
        columns = {part: scores[f"{role}_{part}"] for part in ("chrom", "start", "end")}
        ends.append(pd.DataFrame({**columns, "other": place}))
    return pd.concat(ends)


def _end(kind: str, scores: pd.DataFrame, role: str, strand: pd.Series[str] | str) -> dict[str, object]:
    name = scores[f"{role}_name"] if f"{role}_name" in scores else pd.Series("", scores.index)
    columns = {f"{kind}{part.capitalize()}": scores[f"{role}_{part}"] for part in ("chrom", "start", "end")}
    return {**columns, f"{kind}Name": _one_word(name), f"{kind}Strand": strand}


def _one_word(names: pd.Series[str]) -> pd.Series[str]:
    """Return names without white space, which the format does not allow; a dot for none."""
    words = names.astype("str").where(names.notna(), "").str.replace(r"\s+", "_", regex=True)
    return words.where(words != "", ".")


class _Table:
    """A table in text, its header before the first chunk."""

    def __init__(self, handle: IO[str], form: Callable[[pd.DataFrame], pd.DataFrame] | None) -> None:
        self._handle, self._form, self._first = handle, form, True

    def write(self, scores: pd.DataFrame) -> None:
        _write(scores if self._form is None else self._form(scores), self._handle, header=self._first)
        self._first = False


def _write(table: pd.DataFrame, handle: IO[str], *, header: bool) -> None:
    table.to_csv(handle, sep="\t", index=False, header=header, float_format="%.7g", lineterminator="\n")


@contextmanager
def _open_text(out: str | os.PathLike[str] | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    with atomic_path(out) as beside, beside.open("w", encoding="utf-8", newline="") as handle:
        yield handle
