"""BED: 0-based and half-open; three columns (chromosome, start, end), then maybe name, score and strand."""

from __future__ import annotations

import os

import pandas as pd

from epidyn.errors import RegionFileError
from epidyn.regions.lines import Complaints, data_lines, whole_number
from epidyn.regions.table import COLUMNS

_CURE = "BED has a chromosome, a start below an end (0-based, half-open), and no column names. Mend or remove:"


def read_bed(path: str | os.PathLike[str], what: str) -> pd.DataFrame:
    """Read the elements of a BED file, gzipped or not, in the order of the file.

    The fourth column is the name, the sixth the strand; ``.`` is none. Others are not looked at.

    Parameters
    ----------
    path
        The file.
    what
        What messages call it, such as ``enhancers``.

    Returns
    -------
    A table with :data:`epidyn.regions.COLUMNS`; ``gene`` is empty, ``tss`` -1.

    Raises
    ------
    InputFileError
        If the file is missing, empty, no text, or a truncated or damaged gzip.
    RegionFileError
        If lines have fewer than three columns, a coordinate that is no whole number from 0, a start that is not
        below its end, or a strand that is none; lists all. Or if there is no element.
    """
    complaints = Complaints(what, path)
    rows = []
    for number, cells in data_lines(path, what):
        row = _element(number, cells, complaints)
        if row is not None:
            rows.append(row)
    complaints.raise_if_any(_CURE)
    if not rows:
        raise RegionFileError(
            f"{what} {os.fspath(path)}: it has no element. A BED file with one or more is needed."
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _element(
    line: int, cells: list[str], complaints: Complaints
) -> tuple[str, int, int, str, int, str, str, int] | None:
    if len(cells) < 3:
        columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
        complaints.add(line, f"{columns}; 3 or more, separated by tabs, are needed")
        return None
    chrom, start, end = cells[0].strip(), whole_number(cells[1].strip()), whole_number(cells[2].strip())
    name, strand = (cells[at].strip() if len(cells) > at else "" for at in (3, 5))
    if not chrom:
        complaints.add(line, "the chromosome is empty")
    elif start is None or end is None:
        which, text = ("start", cells[1]) if start is None else ("end", cells[2])
        complaints.add(line, f"{which} is {text!r}; a whole number from 0 is needed")
    elif start >= end:
        complaints.add(line, f"start is {start}, end is {end}; start below end is needed")
    elif strand not in ("", ".", "+", "-"):
        complaints.add(line, f"strand is {strand!r}; + or - or . is needed")
    else:
        return chrom, start, end, strand.strip("."), -1, "" if name == "." else name, "", line
    return None
