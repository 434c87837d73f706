"""The scan of :mod:`epidyn.motif_scores.kernel`, written plainly: what its tests compare it with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def site_scores(codes: npt.NDArray[np.uint8], weights: Floats) -> Floats:
    """Return the score of the site that starts at each base, the better of both strands.

    Parameters
    ----------
    codes
        uint8 (length,); above 3 is N.
    weights
        Log-odds of a matrix, (width, 4).

    Returns
    -------
    float64 array (length - width + 1,)
        The matrix's lowest score where a site touches an N.
    """
    lowest = weights.min(axis=1).sum()
    scores = []
    for start in range(len(codes) - len(weights) + 1):
        site = codes[start : start + len(weights)]
        columns = np.arange(len(weights))
        if site.max() > 3:
            scores.append(lowest)
        else:
            scores.append(max(weights[columns, site].sum(), weights[::-1, ::-1][columns, site].sum()))
    return np.array(scores)


def best_scores(codes: npt.NDArray[np.uint8], weights: Floats, best: int) -> Floats:
    """Return the scores of the best sites, falling; the matrix's lowest where there are fewer sites."""
    lowest = np.full(best, weights.min(axis=1).sum())
    return np.sort(np.concatenate([lowest, site_scores(codes, weights)]))[::-1][:best]


def occupancy(codes: npt.NDArray[np.uint8], weights: Floats) -> float:
    """Return the sum of the odds of all sites on both strands; none of a site that touches an N."""
    total = 0.0
    for start in range(len(codes) - len(weights) + 1):
        site = codes[start : start + len(weights)]
        if site.max() <= 3:
            columns = np.arange(len(weights))
            total += float(np.exp(weights[columns, site].sum()))
            total += float(np.exp(weights[::-1, ::-1][columns, site].sum()))
    return total
