"""A stem whose filters start as binding motifs, in place of random numbers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from epidyn.kmers import VOCABULARY, K
from epidyn.matrices import BACKGROUND, JASPAR, RELEASE, Matrix, digest, load_matrices, read_meme
from epidyn.motif_scores import MotifScanner
from epidyn.nn import EpiDynFusion

log = logging.getLogger("epidyn")

# One place in so many of random bases reaches a filter's threshold.
RARITY = 300
_RANDOM = (2000, 200)  # sequences and bases by which motifs are compared, and thresholds set
# Nats between a threshold and the best score, at least: a short motif's best site may be more common than that.
_LEAST_RANGE = 1.0
_HELD = 0.5  # of the variance of bases, below which a stem is said to be far from its motifs

Floats = npt.NDArray[np.float64]


def stem_matrices(source: str) -> tuple[list[Matrix], str]:
    """Return the motifs that ``init_stem`` names, and what they are in words.

    Raises
    ------
    ConfigError, MatrixError, InputFileError
        If pyjaspar is not installed, or a file of motifs cannot be used.
    """
    matrices = load_matrices(RELEASE, ["CORE"]) if source == JASPAR else read_meme(source)
    name = f"{RELEASE} CORE" if source == JASPAR else Path(source).name
    return matrices, f"{name} ({len(matrices)}, sha256 {digest(matrices)})"


def start_from_motifs(network: EpiDynFusion, matrices: Sequence[Matrix]) -> int:
    """Let the filters of both stems score motifs; filter by filter the same ones at enhancer and promoter.

    A filter's output, before its ReLU, is the log-odds of the site in the middle of its kernel less the score that
    one place in 300 of random bases reaches, or 1 less than the best site's if that is lower, over what the best
    site has above that: 1 for the best site. Bases are read from the 6-mers' vectors by least squares, exact with
    the 100 numbers that a network starts from by itself. Motifs are :func:`representatives` of all; each has a
    filter a strand, but a palindrome one. Filters that are left stay as they are.

    Parameters
    ----------
    network
        Changed in place; its k-mer vectors stay.
    matrices
        Motifs to choose from.

    Returns
    -------
    int
        How many motifs there are now.
    """
    config = network.config
    chosen = representatives(matrices, config.channels)
    filters = [*_both_strands(chosen)][: config.channels]
    bases = np.random.default_rng(0).choice(4, size=_RANDOM, p=BACKGROUND).ravel()
    for stem, kmers in (
        (network.enhancer_stem, network.enhancer_kmers),
        (network.promoter_stem, network.promoter_kmers or network.enhancer_kmers),
    ):
        read = _base_reader(kmers.table.weight.detach().numpy().astype(np.float64))
        _fill(stem.convolution, filters, read, bases)
    used = {number for number, _ in filters}
    return len(used)


def representatives(matrices: Sequence[Matrix], count: int) -> list[Matrix]:
    """Return the motifs that stand for all, ``count`` at most, the one that stands for most first.

    Motifs are alike as their scores of random sequences correlate. Each next one is that which most raises the
    sum, over all motifs, of the likeness to the nearest that is chosen (greedy facility location).
    """
    rng = np.random.default_rng(0)
    longest = max(len(each.frequencies) for each in matrices)
    codes = rng.choice(4, size=(_RANDOM[0], max(_RANDOM[1], 2 * longest)), p=BACKGROUND).astype(np.uint8)
    scores = MotifScanner([each.log_odds() for each in matrices]).scores(codes).astype(np.float64)
    scores = (scores - scores.mean(axis=0)) / np.maximum(scores.std(axis=0), 1e-12)  # 0 where nothing varies
    alike = (scores.T @ scores / len(scores)).clip(0, 1)
    nearest = np.zeros(len(matrices))
    left = list(range(len(matrices)))
    found: list[Matrix] = []
    while left and len(found) < count:
        gains = np.maximum(alike[left], nearest).sum(axis=1)
        best = left.pop(int(gains.argmax()))
        nearest = np.maximum(nearest, alike[best])
        found.append(matrices[best])
    return found


def _both_strands(matrices: Sequence[Matrix]) -> Iterator[tuple[int, Floats]]:
    """Yield the number and the weights, (width, 4), of each motif, and of the other strand where that differs."""
    for number, matrix in enumerate(matrices):
        weights = matrix.log_odds()
        yield number, weights
        if not np.allclose(weights, weights[::-1, ::-1], atol=1e-6):
            yield number, weights[::-1, ::-1]


def _base_reader(table: Floats) -> tuple[Floats, Floats]:
    """Return what reads a base from the vector of a 6-mer: that of its six bases which can be read best.

    Returns
    -------
    float64 array (vector_size, 4), float64 array (4,)
        What vectors are multiplied by, and what is then added, for 1 at A, C, G or T and 0 at the others.
    """
    bases = np.stack(np.unravel_index(np.arange(VOCABULARY - 1), (4,) * K), axis=1)
    wanted = np.eye(4)[bases].reshape(len(bases), -1)
    vectors = np.column_stack([table[1:], np.ones(len(bases))])
    solution = np.linalg.lstsq(vectors, wanted, rcond=None)[0]
    lost = ((vectors @ solution - wanted) ** 2).reshape(len(bases), K, 4).mean(axis=(0, 2))
    best = int(K - 1 - lost.round(6)[::-1].argmin())  # the last of those that are read equally well
    held = 1 - lost[best] / wanted.var(axis=0).mean()
    if held < _HELD:
        log.warning(
            "the k-mer vectors hold %.0f%% of what their bases are; the stem is far from its motifs", 100 * held
        )
    columns = solution[:, 4 * best : 4 * best + 4]
    return np.asarray(columns[:-1]), np.asarray(columns[-1])


def _fill(
    convolution: nn.Conv1d,
    filters: Sequence[tuple[int, Floats]],
    read: tuple[Floats, Floats],
    bases: npt.NDArray[np.int64],
) -> None:
    """Write motifs into the first filters of a convolution over 6-mer vectors."""
    columns, constant = read
    kernel = convolution.weight.shape[-1]
    assert convolution.bias is not None
    with torch.no_grad():
        for channel, (_, whole) in enumerate(filters):
            weights = _core(whole, kernel)
            width = len(weights)
            places = np.lib.stride_tricks.sliding_window_view(bases, width)
            best = float(weights.max(axis=1).sum())
            rare = float(np.quantile(weights[np.arange(width), places].sum(axis=1), 1 - 1 / RARITY))
            threshold = min(rare, best - _LEAST_RANGE)
            gain = 1 / (best - threshold)
            first = (kernel - width) // 2
            filled = np.zeros(tuple(convolution.weight.shape[1:]))
            filled[:, first : first + width] = gain * (columns @ weights.T)
            convolution.weight[channel] = torch.from_numpy(filled)
            convolution.bias[channel] = gain * (float((weights @ constant).sum()) - threshold)


def _core(weights: Floats, width: int) -> Floats:
    """Return the columns that matter most, ``width`` at most, side by side."""
    if len(weights) <= width:
        return weights
    matter = np.convolve(weights.max(axis=1), np.ones(width), mode="valid")
    first = int(matter.argmax())
    return weights[first : first + width]
