"""Which pairs are within reach, in which order they are scored, and where the work is cut; no bases, no model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.elements import Ints
from epidyn.errors import ConfigError
from epidyn.regions import unite

PART_PROMOTERS = 64
PART_PAIRS = 16_384


@dataclass(frozen=True)
class Shard:
    """Share ``number`` (from 1) of ``count`` runs that together are the whole scan."""

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ConfigError(
                f"--shard is {self}; it must be i/n with i from 1 to n, such as 1/{max(self.count, 2)}."
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``i/n``; ConfigError if it is none."""
        match = re.fullmatch(r"(-?\d{1,9})/(-?\d{1,9})", text)
        if match is None:
            raise ConfigError(f"--shard is {text!r}; it must be i/n with i from 1 to n, such as 1/2.")
        return cls(*map(int, match.groups()))


@dataclass(frozen=True)
class Plan:
    """All pairs of a scan, in the order of its output.

    Attributes
    ----------
    enhancers
        Elements that are within reach of a promoter, in the order of their midpoints, chromosome after chromosome.
    promoters
        Those within reach of an enhancer, in the order of their places.
    first, last
        Which enhancers are within reach of each promoter, half-open, int64 (promoters,).
    parts
        Runs of promoters that are done at once, half-open, int64 (parts + 1,): part ``i`` ends where ``i + 1``
        begins.
    """

    enhancers: pd.DataFrame
    promoters: pd.DataFrame
    first: Ints
    last: Ints
    parts: Ints

    def pair_counts(self) -> Ints:
        """Return the number of pairs of each part, int64 (parts,)."""
        counts: Ints = np.add.reduceat(self.last - self.first, self.parts[:-1])
        return counts

    def shard(self, shard: Shard) -> range:
        """Return the parts of a shard: neighbours, with about as many pairs in each; one may have none."""
        counts = self.pair_counts()
        middle = 2 * np.cumsum(counts) - counts
        edges = np.searchsorted(middle * shard.count, 2 * counts.sum() * np.arange(shard.count + 1))
        return range(int(edges[shard.number - 1]), int(edges[shard.number]))

    def pairs(self, part: int) -> tuple[Ints, Ints]:
        """Return the pairs of a part as numbers of enhancers and of promoters, int64 (n,) each.

        In order of the promoter, then of the enhancer's start and end.
        """
        promoters = np.arange(self.parts[part], self.parts[part + 1])
        counts = (self.last - self.first)[promoters]
        promoter = np.repeat(promoters, counts)
        nth = np.arange(len(promoter)) - np.repeat(np.cumsum(counts) - counts, counts)
        enhancer = self.first[promoter] + nth
        start, end = (self.enhancers[name].to_numpy()[enhancer] for name in ("start", "end"))
        order = np.lexsort((end, start, promoter))
        return enhancer[order], promoter[order]


def make_plan(
    enhancers: pd.DataFrame,
    promoters: pd.DataFrame,
    chromosomes: Sequence[str],
    max_distance: int,
    *,
    part_promoters: int = PART_PROMOTERS,
    part_pairs: int = PART_PAIRS,
) -> Plan:
    """Find all pairs on one chromosome whose midpoints lie at most ``max_distance`` bases apart.

    Elements that overlap are such pairs, too. Elements at one place are one (:func:`epidyn.regions.unite`).

    Parameters
    ----------
    enhancers, promoters
        Tables of elements as :mod:`epidyn.regions` makes them. An enhancer's strand is not looked at.
    chromosomes
        All their chromosomes, in the order of the output.
    max_distance
        In bases.
    part_promoters, part_pairs
        Where a part ends: it has at most so many promoters, and so many pairs unless it is of one promoter.

    Raises
    ------
    ConfigError
        If ``max_distance`` is negative, or no pair is within it.
    """
    if max_distance < 0:
        raise ConfigError(f"--max-distance is {max_distance}; it must be 0 or more bases.")
    rank = {name: number for number, name in enumerate(chromosomes)}
    enhancers = unite(enhancers.assign(strand="", tss=-1))
    promoters = unite(promoters)
    enhancers = _ordered(enhancers, rank, doubled_midpoints(enhancers))
    promoters = _ordered(promoters, rank)
    first, last = _reach(enhancers, promoters, rank, max_distance)
    if not (last > first).any():
        raise ConfigError(
            f"none of {len(promoters):,} promoters has any of {len(enhancers):,} enhancers within "
            f"{max_distance:,} bases on its chromosome. Raise --max-distance."
        )
    promoters, first, last = promoters[last > first], first[last > first], last[last > first]
    change = np.zeros(len(enhancers) + 1, dtype=np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, last, -1)
    used = np.cumsum(change)[:-1] > 0
    number = np.concatenate([[0], np.cumsum(used)])
    first, last = number[first], number[last]
    parts = _cut(last - first, part_promoters, part_pairs)
    return Plan(enhancers[used].reset_index(drop=True), promoters.reset_index(drop=True), first, last, parts)


def doubled_midpoints(elements: pd.DataFrame) -> Ints:
    """Return twice the midpoint of each element, which is a whole number, int64 (n,)."""
    doubled: Ints = (elements["start"] + elements["end"]).to_numpy(dtype=np.int64)
    return doubled


def _ordered(elements: pd.DataFrame, rank: dict[str, int], *before: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Put united elements in order of chromosome, then of what is given, and otherwise as they are."""
    chrom = elements["chrom"].map(rank).to_numpy()
    return elements.iloc[np.lexsort((np.arange(len(elements)), *before, chrom))].reset_index(drop=True)


def _reach(
    enhancers: pd.DataFrame, promoters: pd.DataFrame, rank: dict[str, int], max_distance: int
) -> tuple[Ints, Ints]:
    """Return which enhancers, half-open, each promoter reaches; int64 (promoters,) each."""
    furthest = int(max(enhancers["end"].max(), promoters["end"].max()))
    reach = 2 * min(max_distance, furthest)
    apart = 4 * furthest + 1  # no reach bridges the gap between two chromosomes
    at = {
        name: table["chrom"].map(rank).to_numpy(dtype=np.int64) * apart + doubled_midpoints(table)
        for name, table in (("enhancers", enhancers), ("promoters", promoters))
    }
    first = np.searchsorted(at["enhancers"], at["promoters"] - reach, side="left")
    last = np.searchsorted(at["enhancers"], at["promoters"] + reach, side="right")
    return first, last


def _cut(counts: Ints, most_promoters: int, most_pairs: int) -> Ints:
    """Return where runs of promoters with so many pairs, (n,), are cut; with both ends."""
    cuts, pairs = [0], 0
    for promoter, count in enumerate(counts.tolist()):
        if promoter > cuts[-1] and (promoter - cuts[-1] >= most_promoters or pairs + count > most_pairs):
            cuts.append(promoter)
            pairs = 0
        pairs += count
    return np.array([*cuts, len(counts)], dtype=np.int64)
