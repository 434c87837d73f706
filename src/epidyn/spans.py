"""Spans: the stretch of its chromosome that all windows of an element take, and which of them overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import windows
from epidyn.elements import ROLES, Ints, Role
from epidyn.pairs import chromosomes

# Window lengths of the published network.
LENGTHS: Mapping[Role, int] = {"enhancer": 3000, "promoter": 2000}

# A chromosome whose size nobody gave ends behind every window.
_ENDLESS = 2**60

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Spans:
    """One interval a row: ``chrom`` object (n,), ``start`` and ``end`` 0-based half-open int64 (n,)."""

    chrom: npt.NDArray[np.object_]
    start: Ints
    end: Ints

    def where(self, chosen: Bools | Ints) -> Spans:
        """Return the rows that ``chosen``, bool (n,) or row numbers, holds."""
        return Spans(self.chrom[chosen], self.start[chosen], self.end[chosen])


def window_spans(
    pairs: pd.DataFrame,
    *,
    lengths: Mapping[Role, int] = LENGTHS,
    copies: int = windows.DEFAULT_COPIES,
    step: int = windows.DEFAULT_STEP,
    shifts: Bools | None = None,
    sizes: Mapping[Role, Ints] | None = None,
) -> dict[Role, Spans]:
    """Return from where to where the windows of each pair's elements reach.

    Parameters
    ----------
    pairs
        A pair table of n rows.
    lengths
        Window length of each role in bases.
    copies, step
        Number of shifted copies of a training positive, and the bases between them.
    shifts
        Rows that are seen as shifted copies besides their central window, bool (n,); all by default.
    sizes
        Size of each row's chromosome by role, int64 (n,), at whose end windows slide; by default it has no end.

    Returns
    -------
    dict
        For each role its :class:`Spans`, one a row.
    """
    moved = np.ones(len(pairs), dtype=bool) if shifts is None else shifts
    spans: dict[Role, Spans] = {}
    for role in ROLES:
        start, end = pairs[f"{role}_start"].to_numpy(), pairs[f"{role}_end"].to_numpy()
        size = np.full(len(pairs), _ENDLESS) if sizes is None else sizes[role]
        first = windows.central(start, end, lengths[role], size)
        last = first.copy()
        first[moved], last[moved] = windows.reach(
            start[moved], end[moved], lengths[role], size[moved], copies, step
        )
        spans[role] = Spans(chromosomes(pairs, role), first, last + lengths[role])
    return spans


def clusters(spans: Sequence[Spans]) -> list[Ints]:
    """Return which cluster each interval is in: those that overlap, directly or through others, share one.

    Clusters of all ``spans`` together are numbered from 0 along the chromosomes, in the order of their names.
    Intervals that only touch do not overlap.

    Returns
    -------
    list of int64 arrays
        One for each of ``spans``, of its length.
    """
    start, end = _on_one_line(spans)
    order = np.argsort(start, kind="stable")
    reached = np.maximum.accumulate(end[order])
    begins = np.ones(len(start), dtype=bool)
    begins[1:] = start[order][1:] >= reached[:-1]
    cluster = np.empty(len(start), dtype=np.int64)
    cluster[order] = np.cumsum(begins) - 1
    return np.split(cluster, np.cumsum([len(each.start) for each in spans])[:-1])


def overlaps(spans: Spans, others: Sequence[Spans]) -> Bools:
    """Return which intervals of ``spans`` overlap any of ``others``, bool (n,)."""
    start, end = _on_one_line([spans, *others])
    count = len(spans.start)
    order = np.argsort(start[count:], kind="stable")
    starts, reached = start[count:][order], np.maximum.accumulate(end[count:][order])
    # Those that start before the end of an interval: does any of them reach beyond its start?
    before = np.searchsorted(starts, end[:count], side="left")
    furthest = np.append(np.iinfo(np.int64).min, reached)[before]
    found: Bools = furthest > start[:count]
    return found


def _on_one_line(spans: Sequence[Spans]) -> tuple[Ints, Ints]:
    """Return starts and ends of all intervals, with the chromosomes laid one behind the other."""
    chrom, names = pd.factorize(np.concatenate([each.chrom for each in spans]), sort=True)
    start = np.concatenate([each.start for each in spans])
    end = np.concatenate([each.end for each in spans])
    low = np.full(len(names), np.iinfo(np.int64).max)
    high = np.full(len(names), np.iinfo(np.int64).min)
    np.minimum.at(low, chrom, start)
    np.maximum.at(high, chrom, end)
    sizes = high - low + 1
    moved = (np.cumsum(sizes) - sizes - low)[chrom]
    return start + moved, end + moved
