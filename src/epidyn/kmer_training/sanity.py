"""Whether 6-mer vectors make sense: words that are alike should have vectors that are closer than any two have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epidyn.errors import ConfigError
from epidyn.kmer_training.words import Tokens, one_base_neighbours, reverse_complements, shifted
from epidyn.kmers import VOCABULARY, Vectors

RANDOM_PAIRS = 100_000
NEIGHBOURS = 10


@dataclass(frozen=True)
class Closeness:
    """How close the vectors of some pairs of words are.

    Attributes
    ----------
    pairs
        Pairs of which both words have a vector.
    cosine
        Their mean cosine; None without a pair.
    closer
        How often such a pair is closer than a random pair of words: 0.5 is no closer, 1 always; None without a
        pair.
    """

    pairs: int
    cosine: float | None
    closer: float | None


@dataclass(frozen=True)
class Sanity:
    """Closeness of words that are alike, and the spread of all numbers.

    Attributes
    ----------
    random, reverse_complements, one_base_neighbours, shifted_by_one
        Words drawn at random; the two strands of a word; words that differ in one base; words of which one lies a
        base further on.
    standard_deviation
        Of all numbers of words that have a vector; dna2vec's 6-mers have 0.337.
    """

    random: Closeness
    reverse_complements: Closeness
    one_base_neighbours: Closeness
    shifted_by_one: Closeness
    standard_deviation: float

    def complaints(self) -> list[str]:
        """Return what is not as it should be, in words; empty if all is well."""
        return [
            f"{what} are no closer than random pairs of 6-mers"
            for what, found in (
                ("reverse complements", self.reverse_complements),
                ("6-mers that differ in one base", self.one_base_neighbours),
            )
            if found.closer is None or found.closer <= 0.5
        ]


def sanity(vectors: Vectors, *, seed: int = 0) -> Sanity:
    """Measure how close words that are alike are, by the cosine of their vectors.

    Parameters
    ----------
    vectors
        (4097, dimensions), row = token id; a word whose row is zeros has no vector and is left out.
    seed
        Seed of the 100,000 random pairs of different words.

    Raises
    ------
    ConfigError
        If fewer than two words have a vector.
    """
    units, known = _units(vectors)
    rng = np.random.default_rng(seed)
    first = rng.integers(len(known), size=RANDOM_PAIRS)
    second = (first + rng.integers(1, len(known), size=RANDOM_PAIRS)) % len(known)
    random = np.sort(_cosines(units, np.stack([known[first], known[second]], axis=1)))
    return Sanity(
        random=Closeness(RANDOM_PAIRS, float(random.mean()), 0.5),
        reverse_complements=_closeness(units, reverse_complements(), random),
        one_base_neighbours=_closeness(units, one_base_neighbours(), random),
        shifted_by_one=_closeness(units, shifted(), random),
        standard_deviation=float(vectors[known].std(dtype=np.float64)),
    )


def neighbour_agreement(one: Vectors, two: Vectors, neighbours: int = NEIGHBOURS) -> float:
    """Return the mean share of a word's nearest neighbours, by cosine, that two sets of vectors have in common.

    Words that both know count. Vectors that have nothing in common agree in ``neighbours / (words - 1)``.

    Raises
    ------
    ConfigError
        If the two know no more than ``neighbours`` words in common.
    """
    units, known = zip(*map(_units, (one, two)), strict=True)
    common = np.intersect1d(*known)
    if len(common) <= neighbours:
        raise ConfigError(f"the vectors know {len(common)} 6-mers in common; more than {neighbours} are needed.")
    nearest = [_nearest(each[common], neighbours) for each in units]
    shared = [len(np.intersect1d(*each)) for each in zip(*nearest, strict=True)]
    return float(np.mean(shared)) / neighbours


def _units(vectors: Vectors) -> tuple[Vectors, Tokens]:
    """Return vectors of length 1 (zeros stay), and the ids of the words that have one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    known = 1 + np.flatnonzero(lengths[1:VOCABULARY, 0])
    if len(known) < 2:
        raise ConfigError(f"{len(known)} 6-mers have a vector that is not zeros; two are needed to compare.")
    units: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return units, known


def _cosines(units: Vectors, pairs: Tokens) -> npt.NDArray[np.float32]:
    cosines: npt.NDArray[np.float32] = np.einsum("nd,nd->n", units[pairs[:, 0]], units[pairs[:, 1]])
    return cosines


def _closeness(units: Vectors, pairs: Tokens, random: npt.NDArray[np.float32]) -> Closeness:
    known: npt.NDArray[np.bool_] = np.abs(units).max(axis=1) > 0
    cosines = _cosines(units, pairs[known[pairs].all(axis=1)])
    if not len(cosines):
        return Closeness(0, None, None)
    return Closeness(
        len(cosines), float(cosines.mean()), float(np.searchsorted(random, cosines).mean() / len(random))
    )


def _nearest(units: Vectors, neighbours: int) -> Tokens:
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argpartition(cosines, -neighbours, axis=1)[:, -neighbours:]
