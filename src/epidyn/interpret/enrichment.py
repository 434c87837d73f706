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
    segment: npt.NDArray[np.int64],
    background: Floats,
    *,
    site_p: float = SITE_P,
) -> pd.DataFrame:
    """Count the segments that hold each motif, and test whether the important ones do so more often.

    The segments must not be those that the motifs were found in. Each important segment and its controls are a
    set, from which chance would take any one: see :func:`matched_p`. Segments without a control say nothing and
    are left out.

    Parameters
    ----------
    motifs
        Base frequencies, (width, 4) each.
    important, controls
        Base codes of the segments with their flanks, (length,) each.
    segment
        Of each control, the number of the important segment it is for, int64 (controls,).
    background
        Shares of A, C, G, T where the segments lie, (4,).
    site_p
        A site is a place that scores as high as only this share of random places of the background.

    Returns
    -------
    DataFrame
        A row a motif: ``hits`` and ``segments``, ``control_hits`` and ``control_segments``, ``expected`` (hits if
        important segments were as their controls), ``p`` and ``q`` (Benjamini and Hochberg over the motifs).
    """
    matched = np.isin(np.arange(len(important)), segment)
    rows = []
    for motif in motifs:
        scores = base_scores(motif, background)
        threshold = site_threshold(scores, background, site_p)
        hits, control_hits = (holds_site(each, scores, threshold) for each in (important, controls))
        size = 1 + np.bincount(segment, minlength=len(important))
        held = hits + np.bincount(segment, weights=control_hits, minlength=len(important))
        chance = (held / size)[matched]
        p = matched_p(int(hits[matched].sum()), chance)
        rows.append(
            (hits[matched].sum(), matched.sum(), control_hits.sum(), len(controls), float(chance.sum()), p)
        )
    names = ["hits", "segments", "control_hits", "control_segments", "expected", "p"]
    found = pd.DataFrame(rows, columns=names)
    return found.assign(q=stats.false_discovery_control(found["p"]) if rows else found["p"])


def matched_p(hits: int, chance: Floats) -> float:
    """Return how often chance gives at least so many hits: a sum of Bernoulli draws, exactly.

    Parameters
    ----------
    hits
        Important segments that hold a site.
    chance
        Of each set, the share of its members that do: what the important one would by chance, (sets,).
    """
    distribution = np.ones(1)
    for share in chance[(chance > 0) & (chance < 1)].tolist():
        distribution = np.convolve(distribution, (1 - share, share))
    return float(min(distribution[max(hits - int((chance == 1).sum()), 0) :].sum(), 1.0))


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
