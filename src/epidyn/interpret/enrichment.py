"""Whether important segments hold a motif more often than control segments do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from epidyn.elements import Codes
from epidyn.genome import reverse_complement
from epidyn.genome.codes import N

SITE_P = 1e-4  # that of FIMO
_LEAST = 1e-3  # share of a base that a motif never has, so that its log-odds are finite

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def enrichment(
    motifs: Sequence[Floats],
    important: Sequence[Codes],
    controls: Sequence[Codes],
    background: Floats,
    *,
    site_p: float = SITE_P,
) -> pd.DataFrame:
    """Count the segments that hold each motif, and test whether the important ones do so more often.

    The segments must not be those that the motifs were found in.

    Parameters
    ----------
    motifs
        Base frequencies, (width, 4) each.
    important, controls
        Base codes of the segments with their flanks, (length,) each.
    background
        Shares of A, C, G, T where the segments lie, (4,).
    site_p
        A site is a place that scores as high as only this share of random places of the background.

    Returns
    -------
    DataFrame
        A row a motif: ``hits`` and ``segments``, ``control_hits`` and ``control_segments``, ``p`` (Fisher's exact
        test, one-sided) and ``q`` (Benjamini and Hochberg over the motifs).
    """
    rows = []
    for motif in motifs:
        scores = base_scores(motif, background)
        threshold = site_threshold(scores, background, site_p)
        hits, control_hits = (int(holds_site(each, scores, threshold).sum()) for each in (important, controls))
        table = [[hits, len(important) - hits], [control_hits, len(controls) - control_hits]]
        p = float(stats.fisher_exact(table, alternative="greater").pvalue)
        rows.append((hits, len(important), control_hits, len(controls), p))
    found = pd.DataFrame(rows, columns=["hits", "segments", "control_hits", "control_segments", "p"])
    return found.assign(q=stats.false_discovery_control(found["p"]) if rows else found["p"])


def base_scores(motif: Floats, background: Floats) -> Ints:
    """Return the log-odds of each base at each position in hundredths of a nat, int64 (width, 4)."""
    return np.asarray(np.rint(100 * np.log(np.maximum(motif, _LEAST) / background)), dtype=np.int64)


def site_threshold(scores: Ints, background: Floats, site_p: float) -> int:
    """Return the smallest score that at most a share ``site_p`` of random words of the background reach.

    The distribution of scores is worked out position by position (Staden 1989).

    Parameters
    ----------
    scores
        Of each base at each position, int64 (width, 4).
    background
        Shares of A, C, G, T, (4,).
    site_p
        Between 0 and 1. Where even the best word is more frequent, the best word's score is returned.
    """
    chance = np.ones(1)
    for row in scores:
        above = row - row.min()
        longer = np.zeros(len(chance) + int(above.max()))
        for step, share in zip(above.tolist(), background.tolist(), strict=True):
            longer[step : step + len(chance)] += share * chance
        chance = longer
    reached = np.cumsum(chance[::-1])[::-1]
    first = min(int(np.argmax(np.append(reached, 0) <= site_p)), len(chance) - 1)
    return first + int(scores.min(axis=1).sum())


def holds_site(sequences: Sequence[Codes], scores: Ints, threshold: int) -> Bools:
    """Tell of each sequence whether a place on either strand scores at least ``threshold``; none with N does."""
    width = len(scores)
    found = np.zeros(len(sequences), dtype=bool)
    for number, sequence in enumerate(sequences):
        if len(sequence) < width:
            continue
        words = np.lib.stride_tricks.sliding_window_view(sequence, width)
        words = words[(words != N).all(axis=1)]
        for strand in (words, reverse_complement(words)):
            found[number] |= bool((scores[np.arange(width), strand].sum(axis=1) >= threshold).any())
    return found
