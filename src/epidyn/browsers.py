"""Scores as genome browsers read them: UCSC's interact (text of bigInteract) and WashU's longrange.

Coordinates of both are 0-based, half-open. Chromosomes are spelt as in the pair table.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import progress
from epidyn.files import atomic_path
from epidyn.pairs import Write
from epidyn.scores import PROBABILITY

INTERACT_COLUMNS = (
    "chrom",
    "chromStart",
    "chromEnd",
    "name",
    "score",
    "value",
    "exp",
    "color",
    *(f"{end}{part}" for end in ("source", "target") for part in ("Chrom", "Start", "End", "Name", "Strand")),
)
HIGHEST_SCORE = 1000  # of a BED
BY_SCORE = "0"  # the colour that lets the browser shade an arc by its score
NOTHING = "."
DIGITS = "%.7g"
_LINES_AT_ONCE = 65_536


@contextmanager
def open_interact(path: str | os.PathLike[str]) -> Iterator[Write]:
    """Yield a function that takes the chunks of a scores table; the file is there when the block ends, or not.

    One line a pair, in the order of the rows, below a track line: the enhancer is the source, the promoter the
    target; ``value`` is the probability, ``score`` a thousand times that, rounded; ``exp`` is the cell line.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    # Quotes of a track line cannot be escaped.
    name = "".join(letter for letter in path.name if letter.isprintable() and letter not in "\"'")
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as handle:
        handle.write(
            f'track type=interact name="{name}" description="Enhancer-promoter interactions, probability" '
            "interactDirectional=true useScore=on spectrum=on maxHeightPixels=200:100:50 visibility=full\n"
        )
        handle.write(f"#{chr(9).join(INTERACT_COLUMNS)}\n")

        def write(chunk: pd.DataFrame) -> None:
            interact_rows(chunk).to_csv(
                handle,
                sep="\t",
                header=False,
                index=False,
                float_format=DIGITS,
                lineterminator="\n",
                quoting=csv.QUOTE_NONE,
            )

        yield write


def interact_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of interact.as for each pair of a scores table, which has ``probability``.

    In names, white space becomes ``_``, and what is missing or empty a dot.
    """
    enhancer, promoter = (_word(scores, f"{role}_name") for role in ("enhancer", "promoter"))
    named = (enhancer != NOTHING) | (promoter != NOTHING)
    return pd.DataFrame(
        {
            "chrom": scores["enhancer_chrom"],
            "chromStart": scores[["enhancer_start", "promoter_start"]].min(axis=1),
            "chromEnd": scores[["enhancer_end", "promoter_end"]].max(axis=1),
            "name": (enhancer + "/" + promoter).where(named, NOTHING),
            "score": np.rint(scores[PROBABILITY] * HIGHEST_SCORE).astype(np.int64),
            "value": scores[PROBABILITY],
            "exp": _word(scores, "cell_line"),
            "color": BY_SCORE,
            "sourceChrom": scores["enhancer_chrom"],
            "sourceStart": scores["enhancer_start"],
            "sourceEnd": scores["enhancer_end"],
            "sourceName": enhancer,
            "sourceStrand": _strand(scores, "enhancer_strand"),
            # A pair that spells its chromosome in two ways would be one of two chromosomes to the browser.
            "targetChrom": scores["enhancer_chrom"],
            "targetStart": scores["promoter_start"],
            "targetEnd": scores["promoter_end"],
            "targetName": promoter,
            "targetStrand": _strand(scores, "promoter_strand"),
        }
    )


def _word(scores: pd.DataFrame, column: str) -> pd.Series[str]:
    if column not in scores:
        return pd.Series(NOTHING, index=scores.index, dtype="str")
    words = scores[column].astype("str").fillna("").str.strip().str.replace(r"\s+", "_", regex=True)
    return words.where(words != "", NOTHING)


def _strand(scores: pd.DataFrame, column: str) -> pd.Series[str]:
    strands = _word(scores, column)
    return strands.where(strands.isin(("+", "-")), NOTHING)


@contextmanager
def open_longrange(path: str | os.PathLike[str]) -> Iterator[Write]:
    """Yield a function that takes the chunks of a scores table; the file is there when the block ends, or not.

    Two lines a pair, one at each end: ``chrom start end chrom:start-end,probability``, sorted by chromosome
    (as text) and place, so that bgzip and tabix take it. Until then, places are kept in memory: some 250 bytes a
    pair.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    numbers: dict[str, int] = {}
    places: list[npt.NDArray[np.int64]] = []
    probabilities: list[npt.NDArray[np.float64]] = []

    def write(chunk: pd.DataFrame) -> None:
        chrom = [numbers.setdefault(name, len(numbers)) for name in chunk["enhancer_chrom"]]
        places.append(np.column_stack([chrom, *(chunk[name] for name in _PLACE)]).astype(np.int64))
        probabilities.append(chunk[PROBABILITY].to_numpy(dtype=np.float64))

    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as handle:
        yield write
        if places:
            _write_sorted(handle, list(numbers), np.concatenate(places), np.concatenate(probabilities))


_PLACE = ("enhancer_start", "enhancer_end", "promoter_start", "promoter_end")


def _write_sorted(
    handle: IO[str], names: Sequence[str], pairs: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]
) -> None:
    """Write both lines of each pair.

    ``pairs`` are number of the chromosome, start and end of one element, start and end of the other; (n, 5).
    """
    lines = np.concatenate([pairs, pairs[:, [0, 3, 4, 1, 2]]])
    rank = np.argsort(np.argsort(names))
    order = np.lexsort((*lines[:, :0:-1].T, rank[lines[:, 0]]))
    with progress.bar("Sorting", len(order)) as advance:
        for first in range(0, len(order), _LINES_AT_ONCE):
            some = order[first : first + _LINES_AT_ONCE]
            shown = zip(lines[some].tolist(), probabilities[some % len(pairs)].tolist(), strict=True)
            for (number, start, end, other, other_end), probability in shown:
                chrom = names[number]
                handle.write(f"{chrom}\t{start}\t{end}\t{chrom}:{other}-{other_end},{DIGITS % probability}\n")
            advance(len(some))


BROWSERS = {".interact": open_interact, ".longrange": open_longrange}
