"""Chromosome sizes: hg19's, and tables in a file."""

from __future__ import annotations

import os

from epidyn.errors import GenomeError
from epidyn.files import open_text

MAX_SIZE = 2**40

# UCSC hg19 (GRCh37), hgdownload.soe.ucsc.edu/goldenPath/hg19/bigZips/hg19.chrom.sizes: the assembled nuclear
# chromosomes.
HG19 = {
    "chr1": 249250621,
    "chr2": 243199373,
    "chr3": 198022430,
    "chr4": 191154276,
    "chr5": 180915260,
    "chr6": 171115067,
    "chr7": 159138663,
    "chr8": 146364022,
    "chr9": 141213431,
    "chr10": 135534747,
    "chr11": 135006516,
    "chr12": 133851895,
    "chr13": 115169878,
    "chr14": 107349540,
    "chr15": 102531392,
    "chr16": 90354753,
    "chr17": 81195210,
    "chr18": 78077248,
    "chr19": 59128983,
    "chr20": 63025520,
    "chr21": 48129895,
    "chr22": 51304566,
    "chrX": 155270560,
    "chrY": 59373566,
}

BUILT_IN = {"hg19": HG19}


def read_sizes(path: str | os.PathLike[str]) -> dict[str, int]:
    """Read a table of chromosome sizes (UCSC ``chrom.sizes``): name, size in bases, no header.

    Columns are parted by white space; empty lines are skipped; the order is kept.

    Raises
    ------
    InputFileError
        If the file is missing, empty, or no text.
    GenomeError
        Listing every bad row with its line number, or if there is no row.
    """
    sizes: dict[str, int] = {}
    bad: list[str] = []
    with open_text(path, "size table") as handle:
        for number, line in enumerate(handle, start=1):
            words = line.split()
            if not words:
                continue
            problem = _problem(words, sizes)
            if problem:
                bad.append(f"line {number}: {problem}")
            else:
                sizes[words[0]] = int(words[1])
    if bad:
        raise GenomeError(
            f"size table {path} has {len(bad)} bad rows; a row is a chromosome's name and its size in bases, "
            "parted by a tab. Mend or remove them:",
            rows=bad,
        )
    if not sizes:
        raise GenomeError(f"size table {path} names no chromosome. A row is a name and a size in bases.")
    return sizes


def _problem(words: list[str], sizes: dict[str, int]) -> str | None:
    if len(words) != 2:
        return f"{len(words)} columns instead of 2"
    name, size = words
    if not (size.isascii() and size.isdecimal()) or len(size) > 13 or not 1 <= int(size) <= MAX_SIZE:
        return f"size {size!r} is no whole number from 1 to {MAX_SIZE}"
    if name in sizes:
        return f"{name!r} is named a second time"
    return None
