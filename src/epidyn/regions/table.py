"""Tables of elements: columns, elements at one place as one, and where they lie in a genome."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from epidyn.errors import ChromosomeError, RegionFileError
from epidyn.genome import Genome
from epidyn.pairs import bare

# Chromosome, 0-based half-open interval, strand (``+``, ``-`` or empty), first transcribed base (0-based; -1 if
# not known), name and gene (may be empty), and the 1-based line of the file.
COLUMNS = ("chrom", "start", "end", "strand", "tss", "name", "gene", "line")

_PLACE = ["chrom", "start", "end", "strand", "tss"]
_SHOWN = ("line", "chrom", "start", "end")
_NAMES_SHOWN = 5


def unite(table: pd.DataFrame) -> pd.DataFrame:
    """Return the elements in order of place, those with the same interval, strand and TSS as one.

    Their names and genes are joined by commas, each once, in order of the file.
    """
    # Text needs a group of its own only where places recur, which is rare and slow.
    recurs = table.duplicated(_PLACE, keep=False)
    united = (
        table[recurs]
        .groupby(_PLACE, sort=False, as_index=False)
        .agg(name=("name", _joined), gene=("gene", _joined), line=("line", "first"))
    )
    merged = pd.concat([table[~recurs], united]) if len(united) else table
    return merged[list(COLUMNS)].sort_values(_PLACE, ignore_index=True)


def _joined(names: pd.Series[str]) -> str:
    return ",".join(dict.fromkeys(name for name in names if name))


def place(tables: Mapping[str, pd.DataFrame], genome: Genome) -> dict[str, pd.DataFrame]:
    """Return tables of elements with the genome's names of chromosomes, without those that can have no partner.

    Parameters
    ----------
    tables
        Elements by what messages call their file. Chromosomes that not all of them have are left out; ``1`` and
        ``chr1`` are one.
    genome
        What they lie in.

    Raises
    ------
    ChromosomeError
        If the tables share no chromosome, or the genome lacks one that they share; shows names of both.
    RegionFileError
        If an element ends behind its chromosome; lists all.
    """
    names = {source: table["chrom"].map(bare) for source, table in tables.items()}
    shared = set.intersection(*map(set, names.values()))
    if not shared:
        raise ChromosomeError(
            f"{' and '.join(tables)} have no chromosome in common. Their chromosomes:",
            [
                *(f"{source}: {_shown(table['chrom'].unique().tolist())}" for source, table in tables.items()),
                f"the genome {genome.name}: {_shown(list(genome.sizes))}",
            ],
        )
    placed = {}
    for source, table in tables.items():
        here = table[names[source].isin(shared)]
        placed[source] = here.assign(chrom=here["chrom"].map(_resolved(here, source, genome)))
        _refuse_outside(placed[source], source, genome)
    return placed


def _resolved(table: pd.DataFrame, source: str, genome: Genome) -> dict[str, str]:
    """Return the genome's name of each chromosome."""
    found, missing = {}, []
    for name in table["chrom"].unique().tolist():
        try:
            found[name] = genome.resolve(name)
        except ChromosomeError:
            missing.append(name)
    if missing:
        raise ChromosomeError(
            f"{source}: {len(missing)} of its chromosomes are not in the genome {genome.name}. Use the genome "
            "that it was made for, or rename or remove them.",
            [f"not there: {_shown(missing)}", f"the genome has: {_shown(list(genome.sizes))}"],
        )
    return found


def _refuse_outside(table: pd.DataFrame, source: str, genome: Genome) -> None:
    outside = table[table["end"] > table["chrom"].map(genome.sizes)]
    if len(outside):
        raise RegionFileError(
            f"{source}: {len(outside):,} elements end behind their chromosome in {genome.name}. Is it the "
            "assembly that the file was made for?",
            [
                f"line {line}: {chrom}:{start}-{end}, the chromosome has {genome.sizes[chrom]} bases"
                for line, chrom, start, end in zip(*(outside[name] for name in _SHOWN), strict=True)
            ],
        )


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
