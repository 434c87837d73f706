"""All 6-mers by token id: their bases, their other strand, and which are alike."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from epidyn.genome import decode, reverse_complement
from epidyn.kmers import K, tokenize

Tokens = npt.NDArray[np.int64]

# Base codes (4096, 6), in order of token ids, which begin at 1.
WORDS = np.array(list(itertools.product(range(4), repeat=K)), dtype=np.uint8)
# Token id -> that of the other strand, int64 (4097,); 0, which is no word, stays 0.
REVERSE_COMPLEMENT: Tokens = np.concatenate([[0], tokenize(reverse_complement(WORDS))[:, -1]])


def spelled(tokens: Tokens) -> list[str]:
    """Return the letters of words, in their order."""
    return [decode(WORDS[token - 1]) for token in tokens]


def reverse_complements() -> Tokens:
    """Return each word and its reverse complement once, int64 (2016, 2); the 64 palindromes are left out."""
    tokens = np.arange(1, len(WORDS) + 1)
    other = REVERSE_COMPLEMENT[1:]
    return np.stack([tokens, other], axis=1)[tokens < other]


def one_base_neighbours() -> Tokens:
    """Return all pairs of words that differ in one base, each once, int64 (36864, 2)."""
    pairs = []
    for place, code in itertools.product(range(K), range(1, 4)):
        lower = np.flatnonzero(WORDS[:, place] < code)
        step = (code - WORDS[lower, place].astype(np.int64)) * 4 ** (K - 1 - place)
        pairs.append(1 + np.stack([lower, lower + step], axis=1))
    neighbours: Tokens = np.concatenate(pairs)
    return neighbours


def shifted() -> Tokens:
    """Return all pairs of different words of which the second lies one base further on, int64 (16380, 2)."""
    first = np.repeat(np.arange(len(WORDS)), 4)
    second = (4 * first + np.tile(np.arange(4), len(WORDS))) % len(WORDS)
    differ = first != second
    return np.stack([first[differ], second[differ]], axis=1) + 1
