"""Writing motif instances into a sequence, and down in a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.genome import reverse_complement
from epidyn.matrices import BACKGROUND
from epidyn.simulate.config import SimulationConfig
from epidyn.simulate.grammar import Contents
from epidyn.simulate.motifs import Codes, Motif, load_motifs

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TRUTH_COLUMNS = ("chrom", "start", "end", "name", "score", "strand", "element_name", "role", "class", "kind")

# The background's shares are whole multiples of 1/200: a draw from 200 letters is exact, and much faster than
# drawing from a distribution.
_LETTERS = np.repeat(np.arange(4, dtype=np.uint8), [round(200 * share) for share in BACKGROUND])


@dataclass(frozen=True, eq=False)
class Elements:
    """Elements of one role on one chromosome.

    Parameters
    ----------
    role
        ``enhancer`` or ``promoter``.
    names
        Shape ``(elements,)``, of str.
    start, end
        0-based half-open, shape ``(elements,)``.
    contents
        What they carry.
    """

    role: str
    names: npt.NDArray[np.object_]
    start: Ints
    end: Ints
    contents: Contents


def draw_background(rng: np.random.Generator, size: int) -> Codes:
    """Draw ``size`` bases of human-like composition, each for itself: base codes of shape ``(size,)``."""
    return _LETTERS[rng.integers(len(_LETTERS), size=size, dtype=np.uint8)]


def plant(rng: np.random.Generator, config: SimulationConfig, sequence: Codes, elements: Elements) -> pd.DataFrame:
    """Write instances and decoys of ``elements`` into ``sequence``, and return where they are.

    Instances lie inside their element, in random order, on random strands, and never overlap.

    Parameters
    ----------
    rng, config
        Where the draws come from, and how many instances and decoys there are.
    sequence
        Base codes of the whole chromosome, shape ``(size,)``; changed in place.
    elements
        Where to, and what.

    Returns
    -------
    The truth of these elements with the columns of ``TRUTH_COLUMNS``, less ``chrom``; see
    :class:`epidyn.simulate.Simulation`.
    """
    motifs = load_motifs()
    known = [motifs.planted(number, elements.role) for number in range(config.classes)]
    known.extend(motifs.decoys)
    decoys = rng.integers(config.classes, len(known), size=(len(elements.start), config.decoys))
    motif = rng.permuted(np.hstack([elements.contents.classes, decoys]), axis=1)
    start = _places(rng, elements, np.array([len(one.frequencies) for one in known])[motif])

    number = np.repeat(np.arange(len(motif)), motif.shape[1])  # of the element that holds a piece
    motif, start = motif.ravel(), start.ravel()
    scrambled = (motif < config.classes) & ~elements.contents.real[number]
    reverse = rng.random(len(motif)) < 0.5
    score = np.zeros(len(motif), dtype=np.int64)
    for which, one in enumerate(known):
        here = np.flatnonzero(motif == which)
        score[here] = _write(rng, sequence, one, start[here], reverse[here], scrambled[here])
    return _describe(elements, known, config, number, motif, start, score, reverse, scrambled)


def _places(rng: np.random.Generator, elements: Elements, widths: Ints) -> Ints:
    """Return where pieces start, shaped like ``widths`` (elements, pieces): free bases fall between them."""
    free = elements.end - elements.start - widths.sum(axis=1)
    before = np.sort(rng.integers(free[:, None], size=widths.shape, endpoint=True), axis=1)
    places: Ints = elements.start[:, None] + before + widths.cumsum(axis=1) - widths
    return places


def _write(
    rng: np.random.Generator, sequence: Codes, motif: Motif, start: Ints, reverse: Bools, scrambled: Bools
) -> Ints:
    """Write an instance of ``motif`` at each start; return their relative scores, 0 where scrambled."""
    drawn = motif.sample(rng, len(start))
    score = np.where(scrambled, 0, motif.relative_score(drawn))
    drawn[scrambled] = rng.permuted(drawn[scrambled], axis=1)
    drawn[reverse] = reverse_complement(drawn[reverse])
    sequence[start[:, None] + np.arange(drawn.shape[1])] = drawn
    return score


def _describe(
    elements: Elements,
    known: list[Motif],
    config: SimulationConfig,
    number: Ints,
    motif: Ints,
    start: Ints,
    score: Ints,
    reverse: Bools,
    scrambled: Bools,
) -> pd.DataFrame:
    names = np.array([f"{one.matrix}|{one.family}" for one in known], dtype=object)
    families = np.array([one.family for one in known], dtype=object)
    widths = np.array([len(one.frequencies) for one in known])
    return pd.DataFrame(
        {
            "start": start,
            "end": start + widths[motif],
            "name": np.where(scrambled, "scrambled", names[motif]),
            "score": score,
            "strand": np.where(reverse, "-", "+"),
            "element_name": elements.names[number],
            "role": elements.role,
            "class": np.where(scrambled, ".", families[motif]),
            "kind": np.where(scrambled, "scrambled", np.where(motif < config.classes, "motif", "decoy")),
        }
    )
