"""Where the best sites of a motif are; for a few sequences, since it keeps the score of each base."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Sites(NamedTuple):
    """The best sites of one motif in one sequence, the best first.

    Attributes
    ----------
    start
        First base of each, int64 (n,); the first of several with one score is taken.
    reverse
        Whether the motif is on the other strand, bool (n,); not where both strands have one score.
    score
        Log-odds, float64 (n,).
    """

    start: npt.NDArray[np.int64]
    reverse: npt.NDArray[np.bool_]
    score: Floats


def find_sites(codes: npt.NDArray[np.uint8], weights: Floats, count: int) -> Sites:
    """Find the best sites of a motif, as :class:`epidyn.motif_scores.MotifScanner` scores them.

    Parameters
    ----------
    codes
        Base codes, uint8 (length,); above 3 is N.
    weights
        Log-odds, (width, 4).
    count
        How many; fewer come of a sequence with fewer places.
    """
    ahead, back, known = _strands(codes, weights)
    score = np.where(known, np.maximum(ahead, back), weights.min(axis=1).sum())
    start = np.argsort(-score, kind="stable")[:count]
    return Sites(start, back[start] > ahead[start], score[start])


def find_occupied(codes: npt.NDArray[np.uint8], weights: Floats, count: int) -> tuple[Sites, Floats, float]:
    """Find the sites that make up most of a sequence's odds, as ``MotifScanner`` with all sites adds them up.

    Parameters
    ----------
    codes, weights
        As :func:`find_sites`.
    count
        How many; fewer come of a sequence with fewer places without an N.

    Returns
    -------
    Sites
        The largest odds first, both strands of a place together.
    float64 array (n,)
        Their odds.
    float
        The odds of all sites.
    """
    ahead, back, known = _strands(codes, weights)
    odds = np.where(known, np.exp(ahead) + np.exp(back), 0.0)
    start = np.argsort(-odds, kind="stable")[: min(count, int(known.sum()))]
    sites = Sites(start, back[start] > ahead[start], np.maximum(ahead, back)[start])
    return sites, odds[start], float(odds.sum())


def _strands(codes: npt.NDArray[np.uint8], weights: Floats) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Return the score of the site that starts at each base, on either strand, and whether no N is in it."""
    width = len(weights)
    if len(codes) < width:
        return np.empty(0), np.empty(0), np.empty(0, np.bool_)
    places = np.lib.stride_tricks.sliding_window_view(codes, width)
    bases = np.minimum(places, 3)
    ahead, back = (each[np.arange(width), bases].sum(axis=1) for each in (weights, weights[::-1, ::-1]))
    return ahead, back, np.asarray((places <= 3).all(axis=1))
