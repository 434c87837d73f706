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
    width = len(weights)
    if len(codes) < width:
        return Sites(np.empty(0, np.int64), np.empty(0, np.bool_), np.empty(0))
    places = np.lib.stride_tricks.sliding_window_view(codes, width)
    known = np.minimum(places, 3)
    ahead, back = (each[np.arange(width), known].sum(axis=1) for each in (weights, weights[::-1, ::-1]))
    score = np.where((places > 3).any(axis=1), weights.min(axis=1).sum(), np.maximum(ahead, back))
    start = np.argsort(-score, kind="stable")[:count]
    return Sites(start, back[start] > ahead[start], score[start])
