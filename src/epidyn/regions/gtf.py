"""Gene models as GTF, which is 1-based and closed, and the promoters that begin them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from epidyn.errors import ConfigError, RegionFileError
from epidyn.pairs import bare
from epidyn.regions.lines import Complaints, data_lines, whole_number
from epidyn.regions.table import COLUMNS

WHAT = "gene models"
Unit = Literal["gene", "transcript"]
UNITS: tuple[Unit, ...] = ("gene", "transcript")

_ATTRIBUTE = re.compile(r'(?<!\w)(gene_id|transcript_id|gene_name|gene) +(?:"([^"]*)"|([^";\s]+))')
_GFF3 = re.compile(r"(^|;)(ID|Parent)=")


def read_gtf(path: str | os.PathLike[str], unit: Unit = "gene") -> pd.DataFrame:
    """Read where genes or transcripts lie, in the order of the file, gzipped or not.

    A gene reaches from the first to the last base of all lines with its ``gene_id`` on a chromosome and strand, a
    transcript of those with its ``transcript_id``. So files without lines for whole genes or transcripts can be
    read, too. The TSS of a gene is thus its most upstream one: the start on ``+``, the end on ``-``.

    Parameters
    ----------
    path
        The file.
    unit
        ``gene`` or ``transcript``.

    Returns
    -------
    A table with :data:`epidyn.regions.COLUMNS`, 0-based and half-open: ``name`` is the id, ``gene`` the gene's
    name (``gene_name``, else ``gene``, else ``gene_id``), ``line`` that of its first line.

    Raises
    ------
    InputFileError
        If the file is missing, empty, no text, or a truncated or damaged gzip.
    RegionFileError
        If lines have fewer than nine columns, no ``gene_id``, a bad coordinate or no strand; lists all. Or if no
        line has an id of the unit.
    """
    complaints = Complaints(WHAT, path)
    found: dict[tuple[str, str, str], list[int]] = {}
    genes: dict[tuple[str, str, str], str] = {}
    for number, cells in data_lines(path, WHAT):
        attributes = _attributes(number, cells, complaints)
        key_id = attributes.get(f"{unit}_id", "")
        if not key_id:  # a whole gene's line has no transcript
            continue
        start, end = int(cells[3]) - 1, int(cells[4])
        key = cells[0], cells[6], key_id
        if key in found:
            span = found[key]
            span[0], span[1] = min(span[0], start), max(span[1], end)
        else:
            found[key] = [start, end, number]
            genes[key] = attributes.get("gene_name") or attributes.get("gene") or attributes["gene_id"]
    complaints.raise_if_any()
    if not found:
        raise RegionFileError(
            f"{WHAT} {os.fspath(path)}: no line has a {unit}_id. A GTF file with them is needed."
        )
    rows = [
        (chrom, start, end, strand, start if strand == "+" else end - 1, name, genes[chrom, strand, name], line)
        for (chrom, strand, name), (start, end, line) in found.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _attributes(line: int, cells: list[str], complaints: Complaints) -> dict[str, str]:
    """Return the ids and names of a line; none of a line at fault."""
    if len(cells) < 9:
        complaints.add(line, f"{len(cells)} columns; 9, separated by tabs, are needed")
        return {}
    start, end, strand = whole_number(cells[3]), whole_number(cells[4]), cells[6]
    if start is None or end is None or not 1 <= start <= end:
        complaints.add(
            line,
            f"start is {cells[3]!r}, end is {cells[4]!r}; whole numbers from 1 are needed, end not below start",
        )
        return {}
    if strand not in ("+", "-"):
        complaints.add(line, f"strand is {strand!r}; + or - is needed, as it says where the TSS is")
        return {}
    found = {name: quoted or plain for name, quoted, plain in _ATTRIBUTE.findall(cells[8])}
    if not found.get("gene_id"):
        why = " (it looks like GFF3: convert it with `gffread -T`)" if _GFF3.search(cells[8]) else ""
        complaints.add(line, f'no gene_id; attributes such as gene_id "ENSG00000139618" are needed{why}')
        return {}
    return found


def read_promoters(
    path: str | os.PathLike[str], unit: Unit, *, upstream: int, downstream: int, sizes: Mapping[str, int]
) -> pd.DataFrame:
    """Read the promoters of a GTF file: each TSS with bases before and behind it, in its strand's direction.

    Parameters
    ----------
    path, unit
        As :func:`read_gtf`.
    upstream, downstream
        Bases beside the TSS, from 0; a promoter has ``upstream + 1 + downstream``, fewer at a chromosome's end.
    sizes
        Of chromosomes, as a genome has them; where a name is not among them, with or without ``chr``, the promoter
        is cut at 0 alone.

    Returns
    -------
    A table with :data:`epidyn.regions.COLUMNS`, in the order of the file.

    Raises
    ------
    ConfigError
        If ``unit``, ``upstream`` or ``downstream`` is none.
    InputFileError, RegionFileError
        As :func:`read_gtf`; or if a TSS lies behind its chromosome.
    """
    if unit not in UNITS:
        raise ConfigError(f"--promoter-of is {unit!r}; it must be one of {', '.join(UNITS)}.")
    for name, value in (("upstream", upstream), ("downstream", downstream)):
        if value < 0:
            raise ConfigError(f"--{name} is {value}; it must be 0 or more.")
    table = read_gtf(path, unit)
    forward, tss = (table["strand"] == "+").to_numpy(), table["tss"].to_numpy()
    size = _sizes(table["chrom"], sizes)
    complaints = Complaints(WHAT, path)
    for row in np.flatnonzero(tss >= size).tolist():
        where = f"{table['chrom'].iloc[row]}:{tss[row] + 1}"
        complaints.add(table["line"].iloc[row], f"TSS at {where}, the chromosome has {size[row]} bases")
    complaints.raise_if_any("Is it the assembly of the genome?")
    start = tss - np.where(forward, upstream, downstream)
    end = tss + 1 + np.where(forward, downstream, upstream)
    return table.assign(start=np.maximum(start, 0), end=np.minimum(end, size))


def _sizes(chrom: pd.Series[str], sizes: Mapping[str, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the size of each element's chromosome, (n,); the largest number where it is unknown."""
    known = {bare(name): size for name, size in sizes.items()} | dict(sizes)
    endless = np.iinfo(np.int64).max
    by_name = {name: known.get(name, known.get(bare(name), endless)) for name in chrom.unique()}
    return chrom.map(by_name).to_numpy(dtype=np.int64)
