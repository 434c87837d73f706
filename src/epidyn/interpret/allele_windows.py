"""Which windows of a pair table an allele falls into, and such a window as it would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import windows
from epidyn.elements import ROLES, Codes, Ints, Role, locate
from epidyn.genome import Genome, encode
from epidyn.interpret.vcf import Allele
from epidyn.model import Model


def with_allele(genome: Genome, chrom: str, window: int, size: int, start: int, gone: int, come: Codes) -> Codes:
    """Return a window with an allele in it, uint8 (size,).

    Where the change begins in the window, the bases in front of it stay where they are, and the window's right end
    takes as many bases of the reference more, or fewer, as it needs. Where it begins in front of the window, the
    bases behind it stay, and the left end does so.

    Parameters
    ----------
    genome, chrom
        The reference, and the chromosome as it spells it.
    window, size
        Where the window begins (0-based, may be negative), and its length in bases.
    start, gone, come
        Where the change begins (0-based), how many reference bases go, and the base codes that come.
    """
    if start >= window:
        front = bases(genome, chrom, window, start)
        behind = bases(genome, chrom, start + gone, start + gone + size)
        changed = np.concatenate([front, come, behind])[:size]
    else:
        front = bases(genome, chrom, start - size, start)
        behind = bases(genome, chrom, start + gone, window + size)
        changed = np.concatenate([front, come, behind])[-size:]
    return np.asarray(changed, dtype=np.uint8)


def bases(genome: Genome, chrom: str, start: int, end: int) -> Codes:
    """Fetch base codes, uint8 (end - start,); N also where all of it lies outside the chromosome."""
    if start >= end:
        return np.zeros(0, dtype=np.uint8)
    if end <= 0 or start >= genome.sizes[chrom]:
        return encode("N" * (end - start))
    return genome.fetch(chrom, start, end)


@dataclass(frozen=True, eq=False)
class Placed:
    """An allele, its change on the chromosome as the genome spells it, and the windows of each role it is in."""

    allele: Allele
    chrom: str
    start: int
    gone: int
    come: Codes
    touched: Mapping[Role, Ints]
    rows: Ints  # of the pair table, ascending


class PairWindows:
    """The distinct windows of a pair table, found by place; pairs found by window."""

    def __init__(self, model: Model, pairs: pd.DataFrame, genome: Genome) -> None:
        located = locate(pairs, genome)
        self.lengths = model.scorer.lengths
        self.number: dict[Role, Ints] = {}
        self.chrom: dict[Role, npt.NDArray[np.object_]] = {}
        self.start: dict[Role, Ints] = {}
        self._places: dict[tuple[Role, str], tuple[Ints, Ints]] = {}
        self._order: dict[Role, Ints] = {}
        self._first: dict[Role, Ints] = {}
        for role in ROLES:
            low, high = (pairs[f"{role}_{part}"].to_numpy() for part in ("start", "end"))
            start = windows.central(low, high, self.lengths[role], located[role].size)
            grouped = pd.DataFrame({"chrom": located[role].chrom, "start": start}).groupby(["chrom", "start"])
            number = np.asarray(grouped.ngroup(), dtype=np.int64)  # by chromosome and start
            first = np.unique(number, return_index=True)[1]
            self.number[role], self.chrom[role], self.start[role] = (
                number,
                located[role].chrom[first],
                start[first],
            )
            for chrom in np.unique(self.chrom[role].astype(str)).tolist():
                which = np.flatnonzero(self.chrom[role] == chrom)
                self._places[role, chrom] = self.start[role][which], which
            self._order[role] = np.argsort(number, kind="stable")
            self._first[role] = np.concatenate([[0], np.cumsum(np.bincount(number))])

    def touched(self, role: Role, chrom: str, start: int, gone: int) -> Ints:
        """Return the numbers of the windows that a change is inside of."""
        starts, which = self._places.get((role, chrom), (np.zeros(0, np.int64), np.zeros(0, np.int64)))
        size = self.lengths[role]
        low = np.searchsorted(starts, start - size, side="right")
        high = np.searchsorted(starts, start + gone if gone else start, side="left")
        return which[low:high]

    def rows(self, role: Role, numbers: Ints) -> Ints:
        """Return the rows of the pairs that have one of these windows."""
        parts = [
            self._order[role][self._first[role][each] : self._first[role][each + 1]] for each in numbers.tolist()
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
