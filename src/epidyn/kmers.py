"""6-mer tokens, and the vectors that they look up.

Token ids are those of EPIVAN and its descendants: 0 for padding or a 6-mer that touches an N, else 1 plus the
6-mer read as a number in base 4 (A 0, C 1, G 2, T 3; most significant first): AAAAAA 1, TTTTTT 4096.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from epidyn.errors import KmerVectorError
from epidyn.fetch import located
from epidyn.files import open_text, require_file

K = 6
VOCABULARY = 4**K + 1
PUBLISHED_DIMENSIONS = 100
# The standard deviation of dna2vec's 6-mer vectors; initial vectors are scaled to it.
DNA2VEC_SD = 0.337
N_CODE = 4

Codes = npt.NDArray[np.uint8]
Vectors = npt.NDArray[np.float32]


def tokenize(codes: Codes) -> npt.NDArray[np.int64]:
    """Return the 6-mer tokens of base codes.

    Parameters
    ----------
    codes
        uint8 (..., L): A 0, C 1, G 2, T 3, anything above is N.

    Returns
    -------
    int64 array (..., L)
        5 zeros (the published padding, in front), then the ids of the L - 5 overlapping 6-mers; all zeros if
        L < 6.

    Examples
    --------
    >>> import epidyn
    >>> epidyn.kmers.tokenize([0, 0, 0, 0, 0, 0, 1, 4]).tolist()  # AAAAAACN
    [0, 0, 0, 0, 0, 1, 2, 0]
    """
    codes = np.asarray(codes)
    tokens = np.zeros(codes.shape, dtype=np.int64)
    count = codes.shape[-1] - K + 1
    if count < 1:
        return tokens
    ids = np.ones((*codes.shape[:-1], count), dtype=np.int64)
    touches_n = np.zeros(ids.shape, dtype=bool)
    for offset in range(K):
        base = codes[..., offset : offset + count]
        ids += base.astype(np.int64) * 4 ** (K - 1 - offset)
        touches_n |= base >= N_CODE
    tokens[..., K - 1 :] = np.where(touches_n, 0, ids)
    return tokens


def read_vectors(path: str | os.PathLike[str]) -> Vectors:
    """Read 6-mer vectors from ``.npy`` or from a word2vec text file, told apart by their first bytes.

    Parameters
    ----------
    path
        A NumPy file of shape (4097, dimensions), row = token id; or word2vec text (plain or gzipped) as dna2vec
        publishes it, of which only the 6-mers are taken (row 0 is then zeros).

    Returns
    -------
    float32 array (4097, dimensions)

    Raises
    ------
    InputFileError
        If the file is missing, empty or truncated.
    KmerVectorError
        If the shape is another, a number is not finite, or 6-mers are missing.
    """
    path = require_file(located(path), "k-mer vectors")
    with path.open("rb") as handle:
        is_npy = handle.read(6) == b"\x93NUMPY"
    vectors = _read_npy(path) if is_npy else _read_word2vec(path)
    if not np.isfinite(vectors).all():
        raise KmerVectorError(f"k-mer vectors {path} hold numbers that are not finite (NaN or infinite).")
    return vectors


def initial_vectors(dimensions: int = PUBLISHED_DIMENSIONS, *, seed: int | np.random.Generator = 0) -> Vectors:
    """Return vectors to start from when no file is at hand: similar 6-mers start similar.

    Each 6-mer is described by its base at each of 6 positions, its dinucleotide at each of 5 positions, and its
    counts of the 16 dinucleotides wherever they are (so that a 6-mer shifted by one resembles it); a random
    Gaussian projection of that description gives the vector, scaled to the spread of dna2vec's vectors.

    Parameters
    ----------
    dimensions
        Length of a vector.
    seed
        Seed or generator of the projection.

    Returns
    -------
    float32 array (4097, dimensions)
        Row 0 (padding and N) is zeros.
    """
    bases = np.array(list(itertools.product(range(4), repeat=K)))
    pairs = 4 * bases[:, :-1] + bases[:, 1:]
    description = np.concatenate(
        [
            np.eye(4)[bases].reshape(len(bases), -1),
            np.eye(16)[pairs].reshape(len(bases), -1),
            np.eye(16)[pairs].sum(axis=1),
        ],
        axis=1,
    )
    description -= description.mean(axis=0)
    projection = np.random.default_rng(seed).standard_normal((description.shape[1], dimensions))
    vectors = description @ projection
    vectors *= DNA2VEC_SD / vectors.std()
    return np.concatenate([np.zeros((1, dimensions)), vectors]).astype(np.float32)


def _read_npy(path: Path) -> Vectors:
    try:
        vectors = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise KmerVectorError(f"k-mer vectors {path} cannot be read as a NumPy array: {error}") from error
    if vectors.ndim != 2 or vectors.shape[0] != VOCABULARY or vectors.shape[1] < 1:
        raise KmerVectorError(
            f"k-mer vectors {path} have shape {vectors.shape}; "
            f"({VOCABULARY}, dimensions) is needed, row = token id."
        )
    if vectors.dtype.kind not in "fiu":
        raise KmerVectorError(f"k-mer vectors {path} hold {vectors.dtype}; numbers are needed.")
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        return np.asarray(vectors, dtype=np.float32)


def _read_word2vec(path: Path) -> Vectors:
    """Read the 6-mers of a word2vec text: a line ``words dimensions``, then ``word number number ...``."""
    with open_text(path, "k-mer vectors") as handle:
        head = handle.readline().split()
        if len(head) != 2 or not all(word.isdigit() for word in head):
            raise KmerVectorError(
                f"k-mer vectors {path} are neither .npy nor word2vec text, whose first line is 'words dimensions'."
            )
        dimensions = int(head[1])
        rows: dict[int, list[float]] = {}
        for number, line in enumerate(handle, start=2):
            word, _, rest = line.partition(" ")
            if len(word) != K or set(word) - set("ACGT"):
                continue
            rows[_token(word)] = _numbers(rest, dimensions, path, number)
    missing = [kmer for kmer in map("".join, itertools.product("ACGT", repeat=K)) if _token(kmer) not in rows]
    if missing:
        raise KmerVectorError(f"k-mer vectors {path} lack {len(missing)} of the {4**K} 6-mers:", missing)
    vectors = np.zeros((VOCABULARY, dimensions), dtype=np.float32)
    vectors[list(rows)] = list(rows.values())
    return vectors


def _numbers(text: str, dimensions: int, path: Path, line: int) -> list[float]:
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != dimensions:
        raise KmerVectorError(
            f"k-mer vectors {path}, line {line}: {dimensions} numbers are needed behind the 6-mer."
        )
    return numbers


def _token(kmer: str) -> int:
    return 1 + int(kmer.translate(str.maketrans("ACGT", "0123")), 4)
