"""Groups of alike segments: 3-mer frequencies, Ward's clustering, and a rank for each cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, ward

from epidyn.errors import ConfigError

WORD: Final = 3
_COMPLEMENT: Final = str.maketrans("ACGT", "TGCA")


def _columns() -> dict[str, int]:
    """Give each 3-mer the column that it shares with its reverse complement."""
    columns: dict[str, int] = {}
    for letters in product("ACGT", repeat=WORD):
        word = "".join(letters)
        other = word.translate(_COMPLEMENT)[::-1]
        columns[word] = columns[other] if other in columns else len(set(columns.values()))
    return columns


_COLUMN: Final = _columns()
WIDTH: Final = len(set(_COLUMN.values()))


@dataclass(frozen=True)
class Cluster:
    """Segments that are alike.

    Attributes
    ----------
    members
        Rows of the segments in the sequences given, ascending.
    importance
        Mean importance of the members (logit).
    """

    members: tuple[int, ...]
    importance: float

    @property
    def score(self) -> float:
        """Number of segments times their mean importance, by which clusters are ranked."""
        return len(self.members) * self.importance


def word_frequencies(sequences: Sequence[str]) -> NDArray[np.float64]:
    """Count the 3-mers of each sequence, both strands as one, as shares of the sequence's 3-mers.

    A segment's strand is an accident of the assembly, so a 3-mer and its reverse complement share
    one of 32 columns. The article does not say whether its vectors do. Words with a base other than
    A, C, G and T (either case) are left out; a sequence without any other word is a row of zeros.

    Parameters
    ----------
    sequences
        The segments' bases.

    Returns
    -------
    numpy.ndarray
        (segments, 32), each row adding up to 1 or all 0.
    """
    counts = np.zeros((len(sequences), WIDTH))
    for row, sequence in enumerate(sequences):
        upper = sequence.upper()
        for start in range(len(upper) - WORD + 1):
            column = _COLUMN.get(upper[start : start + WORD])
            if column is not None:
                counts[row, column] += 1
    totals: NDArray[np.float64] = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)


def rank_clusters(sequences: Sequence[str], importances: Sequence[float], clusters: int) -> list[Cluster]:
    """Group segments by Ward's method on the Euclidean distance of their 3-mers, the leading group first.

    Parameters
    ----------
    sequences
        The segments' bases.
    importances
        The segments' importance (logit), in the same order.
    clusters
        Number of clusters asked for. Segments with equal vectors are never parted, so there are
        fewer where fewer vectors differ.

    Returns
    -------
    list of Cluster
        By number of segments times mean importance, the largest first; ties by first member.

    Raises
    ------
    ConfigError
        For fewer than one cluster, or fewer segments than clusters.
    """
    if clusters < 1:
        raise ConfigError(f"{clusters} clusters asked for: at least 1 is needed")
    if len(sequences) < clusters:
        raise ConfigError(
            f"{len(sequences)} important segments cannot make {clusters} clusters: "
            f"ask for {len(sequences)} or fewer, or explain more pairs"
        )
    values = np.asarray(importances, dtype=np.float64)
    if len(values) != len(sequences):
        raise ValueError(f"{len(values)} importances for {len(sequences)} sequences")
    labels = (
        fcluster(ward(word_frequencies(sequences)), clusters, criterion="maxclust")
        if len(sequences) > 1
        else np.ones(1, dtype=np.int64)
    )
    found = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        found.append(Cluster(tuple(rows.tolist()), float(values[rows].mean())))
    return sorted(found, key=lambda cluster: (-cluster.score, cluster.members))
