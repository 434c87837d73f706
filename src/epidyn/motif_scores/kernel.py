"""The compiled heart of a scan: for each sequence and matrix, its best sites, or all of them, on either strand."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from epidyn.kmers import K

Floats = npt.NDArray[np.float32]

_MOST = np.float32(1e30)  # odds, so that sums over a sequence stay finite whatever the width of a matrix


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def best_sites(
    codes: npt.NDArray[np.uint8],
    words: npt.NDArray[np.int32],
    tables: Floats,
    weights: Floats,
    widths: npt.NDArray[np.int64],
    best: Floats,
) -> None:
    """Find the best sites of one block of matrices in each sequence.

    Parameters
    ----------
    codes
        uint8 (n, length); above 3 is N.
    words
        The 6-mer that starts at each base, int32 (n, length), below 0 where it touches an N or the end.
    tables
        Scores of 6-mers by the columns 0 to 5, 6 to 11, ... of each matrix, (parts, 4096, 2, block); third axis:
        the matrix and its reverse complement.
    weights
        The same column by column, (columns, 4, 2, block); what lies beyond a matrix's width is 0.
    widths
        Of each matrix, int64 (block,).
    best
        Filled from its initial values, the matrices' lowest scores: (n, 4, block), falling along the second axis.
    """
    count, length = codes.shape
    parts, _, _, block = tables.shape
    narrowest = widths.min()
    ahead = np.empty(block, dtype=np.float32)
    back = np.empty(block, dtype=np.float32)
    for i in range(count):
        first, second, third, fourth = best[i, 0], best[i, 1], best[i, 2], best[i, 3]
        for start in range(length - narrowest + 1):
            if codes[i, start] > 3:
                continue
            whole = start + K * parts <= length
            if whole:
                for part in range(parts):
                    whole = whole and words[i, start + K * part] >= 0
            if whole:
                word = words[i, start]
                if parts == 1:
                    for c in range(block):
                        ahead[c] = tables[0, word, 0, c]
                        back[c] = tables[0, word, 1, c]
                elif parts == 2:
                    after = words[i, start + K]
                    for c in range(block):
                        ahead[c] = tables[0, word, 0, c] + tables[1, after, 0, c]
                        back[c] = tables[0, word, 1, c] + tables[1, after, 1, c]
                else:
                    after = words[i, start + K]
                    then = words[i, start + 2 * K]
                    for c in range(block):
                        ahead[c] = tables[0, word, 0, c] + tables[1, after, 0, c] + tables[2, then, 0, c]
                        back[c] = tables[0, word, 1, c] + tables[1, after, 1, c] + tables[2, then, 1, c]
                for part in range(3, parts):
                    word = words[i, start + K * part]
                    for c in range(block):
                        ahead[c] += tables[part, word, 0, c]
                        back[c] += tables[part, word, 1, c]
            else:
                _score_bases(codes[i], start, weights, widths, ahead, back)
            for c in range(block):
                score = max(ahead[c], back[c])
                higher = max(first[c], score)
                score = min(first[c], score)
                first[c] = higher
                higher = max(second[c], score)
                score = min(second[c], score)
                second[c] = higher
                higher = max(third[c], score)
                score = min(third[c], score)
                third[c] = higher
                fourth[c] = max(fourth[c], score)


@numba.njit(nogil=True, cache=True)
def _score_bases(
    codes: npt.NDArray[np.uint8],
    start: int,
    weights: Floats,
    widths: npt.NDArray[np.int64],
    ahead: Floats,
    back: Floats,
) -> None:
    """Score the sites that start at a base, near an N or an end; one that touches either has the lowest number."""
    for c in range(len(widths)):
        ahead[c] = back[c] = 0
        for column in range(widths[c]):
            at = start + column
            if at >= len(codes) or codes[at] > 3:
                ahead[c] = back[c] = np.float32(-3e38)
                break
            ahead[c] += weights[column, codes[at], 0, c]
            back[c] += weights[column, codes[at], 1, c]


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract", "reassoc"})
def occupancies(
    codes: npt.NDArray[np.uint8],
    words: npt.NDArray[np.int32],
    tables: Floats,
    weights: Floats,
    widths: npt.NDArray[np.int64],
    total: Floats,
) -> None:
    """Add up, over all sites and both strands, the odds of one block of matrices in each sequence.

    Parameters
    ----------
    codes, words, widths
        As :func:`best_sites`.
    tables, weights
        As there, but odds in place of their logarithms, so that a site's are a product.
    total
        Of each sequence and matrix, (n, block); added to.
    """
    count, length = codes.shape
    parts, _, _, block = tables.shape
    narrowest = widths.min()
    ahead = np.empty(block, dtype=np.float32)
    back = np.empty(block, dtype=np.float32)
    for i in range(count):
        sums = total[i]
        for start in range(length - narrowest + 1):
            if codes[i, start] > 3:
                continue
            whole = start + K * parts <= length
            if whole:
                for part in range(parts):
                    whole = whole and words[i, start + K * part] >= 0
            if not whole:
                _odds_of_bases(codes[i], start, weights, widths, sums)
                continue
            word = words[i, start]
            if parts == 1:
                for c in range(block):
                    sums[c] += tables[0, word, 0, c] + tables[0, word, 1, c]
            elif parts == 2:
                after = words[i, start + K]
                for c in range(block):
                    sums[c] += tables[0, word, 0, c] * tables[1, after, 0, c]
                    sums[c] += tables[0, word, 1, c] * tables[1, after, 1, c]
            else:
                after = words[i, start + K]
                then = words[i, start + 2 * K]
                for c in range(block):
                    ahead[c] = tables[0, word, 0, c] * tables[1, after, 0, c] * tables[2, then, 0, c]
                    back[c] = tables[0, word, 1, c] * tables[1, after, 1, c] * tables[2, then, 1, c]
                for part in range(3, parts):
                    word = words[i, start + K * part]
                    for c in range(block):
                        ahead[c] = min(ahead[c] * tables[part, word, 0, c], _MOST)
                        back[c] = min(back[c] * tables[part, word, 1, c], _MOST)
                for c in range(block):
                    sums[c] += ahead[c] + back[c]


@numba.njit(nogil=True, cache=True)
def _odds_of_bases(
    codes: npt.NDArray[np.uint8], start: int, weights: Floats, widths: npt.NDArray[np.int64], sums: Floats
) -> None:
    """Add the odds of the sites that start at a base, near an N or an end; none of one that touches either."""
    for c in range(len(widths)):
        ahead = back = np.float32(1)
        for column in range(widths[c]):
            at = start + column
            if at >= len(codes) or codes[at] > 3:
                ahead = back = np.float32(0)
                break
            ahead = min(ahead * weights[column, codes[at], 0, c], _MOST)
            back = min(back * weights[column, codes[at], 1, c], _MOST)
        sums[c] += ahead + back
