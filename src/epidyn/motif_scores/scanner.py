"""How well sequences match motifs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from epidyn.compiled import calling_numba
from epidyn.kmers import VOCABULARY, K, tokenize

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

BEST = 4  # sites that the kernel keeps of a sequence and matrix
ALL: Literal["all"] = "all"
# Odds of sites spread over many orders of magnitude. Of their sum, which mean and spread are to describe, this
# power is taken; docs/models.md compares others.
POWER = 0.25
SitesCount = int | Literal["all"]
_BLOCK = 128  # matrices that are scored together; what is kept of them stays in a core's first cache


@dataclass(frozen=True, eq=False)
class _Block:
    """Matrices that are scored together: their numbers, and what :func:`best_sites` takes of them."""

    numbers: npt.NDArray[np.int64]
    tables: Floats  # log-odds, or odds where all sites count
    weights: Floats
    widths: npt.NDArray[np.int64]
    lowest: Floats


class MotifScanner:
    """Scores of sequences by matrices, on both strands.

    With a number of sites: a site's score is the sum of its bases' log-odds, on the strand where that is higher; a
    sequence's is the sum of its best sites', wherever they are. A site that touches an N, and one that is missing
    in a short sequence, has the lowest score its matrix can give.

    With all: a site's odds are the product of its bases' odds; a sequence's score is the fourth root of the sum
    of the odds of all sites on both strands. That sum is in proportion to the expected number of bound sites where
    the factor is rare (Roider et al. 2007, with one energy scale for all matrices). A site that touches an N has
    no odds.

    Parameters
    ----------
    weights
        Log-odds, (width, 4) of each matrix, columns A, C, G, T.
    sites
        How many sites are added up, 1 to 4, or ``all``.

    Raises
    ------
    ValueError
        If ``sites`` is another number, or there is no matrix.
    """

    def __init__(self, weights: Sequence[npt.NDArray[np.floating]], *, sites: SitesCount = ALL) -> None:
        if not (sites == ALL or (isinstance(sites, int) and 1 <= sites <= BEST)) or not weights:
            raise ValueError(f"sites must be 1 to {BEST} or {ALL!r} (given: {sites!r}), matrices one or more.")
        self.sites = sites
        self._count = len(weights)
        self._blocks = [_block(numbers, weights) for numbers in _alike(weights)]
        if sites == ALL:
            self._blocks = [
                replace(each, tables=np.exp(each.tables), weights=np.exp(each.weights)) for each in self._blocks
            ]

    def scores(self, codes: Codes) -> Floats:
        """Score sequences.

        Parameters
        ----------
        codes
            Base codes, uint8 (n, length): A 0, C 1, G 2, T 3, N 4.

        Returns
        -------
        float32 array (n, matrices)
            On as many threads as torch has; the result does not depend on their number.
        """
        with calling_numba():
            return self._scores(codes)

    def _scores(self, codes: Codes) -> Floats:
        from epidyn.motif_scores.kernel import best_sites, occupancies  # bring numba, which takes its time to load

        codes = np.ascontiguousarray(codes, dtype=np.uint8)
        words = np.full(codes.shape, -1, dtype=np.int32)
        if codes.shape[1] >= K:
            words[:, : 1 - K] = tokenize(codes)[:, K - 1 :] - 1
        scores = np.empty((len(codes), self._count), dtype=np.float32)

        def score(block: _Block) -> None:
            fits = codes.shape[1] >= block.widths.min()
            if self.sites == ALL:
                total = np.zeros((len(codes), len(block.numbers)), dtype=np.float32)
                if fits:
                    occupancies(codes, words, block.tables, block.weights, block.widths, total)
                scores[:, block.numbers] = total**POWER
                return
            best = np.broadcast_to(block.lowest, (len(codes), BEST, len(block.numbers))).copy()
            if fits:
                best_sites(codes, words, block.tables, block.weights, block.widths, best)
            scores[:, block.numbers] = best[:, : self.sites].sum(axis=1)

        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            list(threads.map(score, self._blocks))
        return scores


def _alike(weights: Sequence[npt.NDArray[np.floating]]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the numbers of matrices that take as many 6-mers, a block at a time."""
    parts = np.array([-(-len(each) // K) for each in weights])
    for many in np.unique(parts)[::-1]:  # the costly first, so that no thread is left with one of them at the end
        alike = np.flatnonzero(parts == many)
        yield from np.array_split(alike, -(-len(alike) // _BLOCK))


def _block(numbers: npt.NDArray[np.int64], matrices: Sequence[npt.NDArray[np.floating]]) -> _Block:
    chosen = [np.asarray(matrices[number], dtype=np.float32) for number in numbers]
    widths = np.array([len(each) for each in chosen])
    parts = -(-int(widths.max()) // K)
    weights = np.zeros((parts * K, 4, 2, len(chosen)), dtype=np.float32)
    for at, matrix in enumerate(chosen):
        weights[: len(matrix), :, 0, at] = matrix
        weights[: len(matrix), :, 1, at] = matrix[::-1, ::-1]
    words = np.stack(np.unravel_index(np.arange(VOCABULARY - 1), (4,) * K))
    columns = weights.reshape(parts, K, 4, 2, len(chosen))
    tables = sum(columns[:, at][:, words[at]] for at in range(K))
    lowest = np.array([each.min(axis=1).sum() for each in chosen], dtype=np.float32)
    return _Block(numbers, np.ascontiguousarray(tables), weights, widths, lowest)
