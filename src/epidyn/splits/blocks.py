"""Blocks of neighbouring elements: held out whole, they share no element and no base of a window with the rest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.elements import Ints, Role
from epidyn.errors import SplitError
from epidyn.spans import Spans, clusters
from epidyn.splits.chromosomes import Rows

# About so many blocks a table, as many as can be: few blocks make a part of few places of the genome, but many cut
# pairs apart, and more than this share of them is too much.
NUMBERS = (200, 100, 50, 25, 12, 6)
MOST_CUT = 0.05

Bools = npt.NDArray[np.bool_]


def hold_out_blocks(
    pairs: pd.DataFrame, spans: Mapping[Role, Spans], fraction: float, rng: np.random.Generator
) -> tuple[Rows, Rows]:
    """Draw blocks until the pairs that lie wholly in them are ``fraction`` of all, and have both labels.

    Parameters
    ----------
    pairs
        A labelled pair table.
    spans
        Of the windows of both roles; no two of them that overlap are parted.
    fraction
        Share of the pairs; what is held out is half to three halves of it.
    rng
        Draws the blocks.

    Returns
    -------
    held_out, cut
        Rows whose enhancer and promoter both lie in the drawn blocks, and rows of which one does, ascending.

    Raises
    ------
    SplitError
        If the windows hang together so much that no blocks hold as many pairs.
    """
    enhancer, promoter = clusters([spans["enhancer"], spans["promoter"]])
    labels = pairs["label"].to_numpy()
    best: tuple[Bools, Bools] | None = None
    for number in NUMBERS:
        found = _draw(*_blocks(enhancer, promoter, number), labels, fraction * len(pairs), rng)
        if found is not None and (best is None or found[1].sum() < best[1].sum()):
            best = found
        if best is not None and best[1].sum() <= MOST_CUT * len(pairs):
            break
    if best is None:
        raise SplitError(
            f"{fraction:.0%} of {len(pairs)} pairs cannot be held out element-disjoint: so many windows overlap, "
            f"shifted copies included, that {max(enhancer.max(), promoter.max()) + 1} groups can be told apart, "
            "and none of them holds as many pairs. Give more pairs, or another split."
        )
    return np.flatnonzero(best[0]), np.flatnonzero(best[1])


def _draw(
    enhancer: Ints, promoter: Ints, labels: npt.NDArray[np.generic], aim: float, rng: np.random.Generator
) -> tuple[Bools, Bools] | None:
    """Return which pairs lie in drawn blocks wholly, and which half, bool (n,); None if they come to too few.

    A block that would make it more than three halves of the aim is passed over.
    """
    count = int(max(enhancer.max(), promoter.max())) + 1
    drawn = np.zeros(count, dtype=bool)
    inside = np.zeros(len(labels), dtype=bool)
    for block in rng.permutation(count):
        drawn[block] = True
        with_it = drawn[enhancer] & drawn[promoter]
        if with_it.sum() > 1.5 * aim:
            drawn[block] = False
            continue
        inside = with_it
        if inside.sum() >= aim and len(np.unique(labels[inside])) == 2:
            break
    if inside.sum() < aim / 2:
        return None
    return inside, drawn[enhancer] != drawn[promoter]


def _blocks(enhancer: Ints, promoter: Ints, number: int) -> tuple[Ints, Ints]:
    """Cut the clusters, which are numbered along the genome, into blocks; return the block of each row's elements.

    From one cut to the next lie half to three halves of a ``number``-th of the pairs, counted at their promoters;
    within this range the cut goes where the fewest pairs reach across.
    """
    count = int(max(enhancer.max(), promoter.max())) + 1
    low, high = np.minimum(enhancer, promoter), np.maximum(enhancer, promoter)
    # Up to and with each cluster: pairs so far, and pairs that a cut behind it would part.
    passed = np.cumsum(np.bincount(promoter, minlength=count))
    parted = np.cumsum(np.bincount(low, minlength=count) - np.bincount(high, minlength=count))
    aim = len(promoter) / number
    ends: list[int] = []
    done = 0
    while done + aim <= passed[-1]:
        first, beyond = np.searchsorted(passed, [done + aim / 2, done + 1.5 * aim], side="left").tolist()
        ends.append(first + int(parted[first : max(beyond, first + 1)].argmin()))
        done = int(passed[ends[-1]])
    block: Ints = np.searchsorted(ends, np.arange(count), side="left").astype(np.int64)
    return block[enhancer], block[promoter]
