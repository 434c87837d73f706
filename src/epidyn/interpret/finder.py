"""A small motif finder: expectation-maximisation over zero or one occurrence per sequence, on both strands.

The model is that of MEME's `zoops` (Bailey and Elkan 1995): with a probability a sequence holds one site of the
motif, at any place and strand alike, and all other bases are drawn from the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from epidyn.errors import ConfigError, ShapeError
from epidyn.genome import reverse_complement
from epidyn.genome.codes import N

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DEFAULT_WIDTHS = (6, 15)
_PSEUDO_COUNT = 0.5  # of each base in each column, shared out as the background is
_SEEDS = 12  # words that EM starts from, at each width
_SHORT, _LONG = 4, 60  # steps from each seed, and at most from the best
_SEED_WORD = 6
_TOLERANCE = 1e-5
_WEIGHT = 0.7  # of the word's base in a starting column


@dataclass(frozen=True, eq=False)
class Motif:
    """What was found.

    Attributes
    ----------
    frequencies
        Base frequencies, (width, 4), columns A, C, G, T; rows add up to 1.
    background
        Base frequencies that they stand against, (4,), the same on both strands.
    share
        Of the sequences that hold a site, by the model.
    score
        Log-likelihood ratio to background alone (nats), less half of the parameters times the log of the sites.
    sites
        Row of each sequence that holds one with probability above one half, (n,).
    starts, reverse
        Where its likeliest site begins in it (0-based), and whether it lies on the other strand; (n,).
    """

    frequencies: Floats
    background: Floats
    share: float
    score: float
    sites: Ints
    starts: Ints
    reverse: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Windows:
    """All places of one width: codes (n, width), of each its sequence, start and strand; sequence by sequence."""

    codes: Codes
    row: Ints
    start: Ints
    reverse: npt.NDArray[np.bool_]
    first: Ints = field(repr=False)  # of each sequence that has any
    count: Ints = field(repr=False)


def background_of(sequences: Sequence[Codes]) -> Floats:
    """Return base frequencies over sequences, (4,), with those of a base and its complement made equal."""
    counts = (
        np.bincount(np.concatenate([*sequences, np.zeros(0, np.uint8)]).astype(np.int64), minlength=5)[:4] + 1.0
    )
    both = counts + counts[::-1]
    return np.asarray(both / both.sum())


def find_motif(
    sequences: Sequence[Codes],
    *,
    background: Floats | None = None,
    widths: tuple[int, int] = DEFAULT_WIDTHS,
) -> Motif | None:
    """Find the motif that sequences share; the same input gives the same motif.

    At each width EM begins from the words that more sequences hold than the background lets expect; the best start
    is followed to its end, and widths are compared by ``score``.

    Parameters
    ----------
    sequences
        Base codes, uint8 (length,) each; N is in no site.
    background
        As :func:`background_of` the windows that the sequences are from; by default of the sequences.
    widths
        Narrowest and widest motif, both included.

    Returns
    -------
    Motif or None
        None if no place of these widths is free of N in two sequences.

    Raises
    ------
    ConfigError
        If the widths are not 3 or more, the narrower first.
    ShapeError
        If the background is not four frequencies above 0.
    """
    low, high = widths
    if not 3 <= low <= high:
        raise ConfigError(f"motif widths {low} to {high}: both must be 3 or more, the narrower first.")
    frequencies = background_of(sequences) if background is None else np.asarray(background, dtype=np.float64)
    if frequencies.shape != (4,) or not (frequencies > 0).all():
        raise ShapeError("the background must be four frequencies above 0, of A, C, G and T.")
    found = []
    for width in range(low, high + 1):
        windows = _windows(sequences, width)
        if len(windows.first) >= 2:
            found.append(_best_of_width(windows, frequencies / frequencies.sum(), len(sequences)))
    return max(found, key=lambda motif: motif.score) if found else None


def _windows(sequences: Sequence[Codes], width: int) -> _Windows:
    parts, rows, starts, strands = [], [], [], []
    for row, sequence in enumerate(sequences):
        if len(sequence) < width:
            continue
        view = np.lib.stride_tricks.sliding_window_view(np.asarray(sequence, dtype=np.uint8), width)
        at = np.flatnonzero((view != N).all(axis=1))
        for reverse in (False, True):
            parts.append(reverse_complement(view[at]) if reverse else view[at])
            rows.append(np.full(len(at), row))
            starts.append(at)
            strands.append(np.full(len(at), reverse))
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return _Windows(np.zeros((0, width), np.uint8), empty, empty, empty.astype(bool), empty, empty)
    of_sequence = np.concatenate(rows)
    _, first, count = np.unique(of_sequence, return_index=True, return_counts=True)
    start, strand = np.concatenate(starts), np.concatenate(strands)
    return _Windows(np.concatenate(parts), of_sequence, start, strand, first, count)


def _best_of_width(windows: _Windows, background: Floats, sequences: int) -> Motif:
    starts = [_from_word(word, windows.codes.shape[1], background) for word in _seeds(windows, background)]
    tried = [_em(windows, start, 0.5, background, sequences, _SHORT) for start in starts]
    best = max(range(len(tried)), key=lambda each: tried[each].likelihood)
    state = _em(windows, tried[best].frequencies, tried[best].share, background, sequences, _LONG)
    return _motif(windows, state, background, sequences)


def _seeds(windows: _Windows, background: Floats) -> list[Codes]:
    """Return the words that the most sequences hold beyond what the background lets expect, the best first."""
    width = min(_SEED_WORD, windows.codes.shape[1])
    offset = (windows.codes.shape[1] - width) // 2
    words = windows.codes[:, offset : offset + width].astype(np.int64) @ (4 ** np.arange(width)[::-1])
    held = np.unique(np.stack([words, windows.row], axis=1), axis=0)[:, 0]
    distinct, count = np.unique(held, return_counts=True)
    letters = (distinct[:, None] // 4 ** np.arange(width)[::-1]) % 4
    expected = background[letters].prod(axis=1)
    chance = -np.expm1(np.log1p(-np.minimum(expected, 0.5))[:, None] * windows.count).sum(axis=1)
    excess = (count - chance) / np.sqrt(chance + 1e-9)
    order = np.lexsort((distinct, -excess))[:_SEEDS]
    return [letters[each].astype(np.uint8) for each in order]


def _from_word(word: Codes, width: int, background: Floats) -> Floats:
    """Return starting frequencies: a word in the middle, the background to both sides of it."""
    frequencies = np.tile(background, (width, 1))
    offset = (width - len(word)) // 2
    for place, base in enumerate(word):
        frequencies[offset + place] *= 1 - _WEIGHT
        frequencies[offset + place, base] += _WEIGHT
    return frequencies


@dataclass(frozen=True, eq=False)
class _State:
    frequencies: Floats
    share: float
    likelihood: float  # log-likelihood ratio to background alone, nats
    posterior: Floats  # of each window


def _em(
    windows: _Windows, frequencies: Floats, share: float, background: Floats, sequences: int, steps: int
) -> _State:
    width, before = len(frequencies), -np.inf
    places = np.arange(width)
    state = _expect(windows, frequencies, share, background)
    for _ in range(steps):
        counts = np.stack(
            [np.bincount(windows.codes[:, place], weights=state.posterior, minlength=4)[:4] for place in places]
        )
        smoothed = counts + 4 * _PSEUDO_COUNT * background
        frequencies = smoothed / smoothed.sum(axis=1, keepdims=True)
        share = min(max(state.posterior.sum() / sequences, 1e-3), 1 - 1e-3)
        state = _expect(windows, frequencies, share, background)
        if state.likelihood - before < _TOLERANCE * abs(state.likelihood):
            break
        before = state.likelihood
    return state


def _expect(windows: _Windows, frequencies: Floats, share: float, background: Floats) -> _State:
    odds = np.log(frequencies / background)
    score = odds[np.arange(len(odds)), windows.codes].sum(axis=1)
    peak = np.maximum.reduceat(score, windows.first)
    group = np.repeat(np.arange(len(windows.first)), windows.count)
    weight = np.exp(score - peak[group]) * (share / windows.count)[group]
    with_site = np.add.reduceat(weight, windows.first)
    without = (1 - share) * np.exp(-peak)
    likelihood = float((peak + np.log(with_site + without)).sum())
    return _State(frequencies, share, likelihood, weight / (with_site + without)[group])


def _motif(windows: _Windows, state: _State, background: Floats, sequences: int) -> Motif:
    group = np.repeat(np.arange(len(windows.first)), windows.count)
    held = np.add.reduceat(state.posterior, windows.first)
    order = np.lexsort((-state.posterior, group))
    best = order[windows.first][held > 0.5]
    expected = max(state.posterior.sum(), 2.0)
    score = state.likelihood - 0.5 * 3 * len(state.frequencies) * np.log(expected)
    return Motif(
        state.frequencies,
        background,
        state.share,
        float(score),
        windows.row[best],
        windows.start[best],
        windows.reverse[best],
    )
