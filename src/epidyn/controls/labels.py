"""Labels permuted among pairs that are alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.elements import distances
from epidyn.pairs import chromosomes, line_rows

# Bins of a chromosome, and the fewest pairs that a bin is to hold; a small chromosome has fewer bins.
BINS = 5
LEAST_PAIRS = 20


def shuffle_labels(pairs: pd.DataFrame, *, seed: int | np.random.Generator) -> pd.DataFrame:
    """Return the table with its labels permuted within chromosome (of the promoter) and distance bin.

    Each cell line is permuted by itself, as a table of it alone would be from the same seed.

    The whole table is permuted, test part included: what is then left to learn says nothing of any pair, while
    the number of positives of each chromosome and of each bin stays what it was. The bins of a chromosome are
    quantiles of the distance between the midpoints of enhancer and promoter: five, or fewer where five would hold
    less than 20 pairs each. Pairs of one distance are in one bin.
    """
    labels = pairs["label"].to_numpy().copy()
    distance, chrom = distances(pairs), chromosomes(pairs)
    for line in line_rows(pairs).values():
        rng = np.random.default_rng(seed)
        for within in pairs.iloc[line].groupby(chrom[line], sort=True).indices.values():
            rows = line[within]
            bins = distance_bins(distance[rows])
            for each in range(BINS):
                alike = rows[bins == each]
                labels[alike] = rng.permutation(labels[alike])
    return pairs.assign(label=labels)


def distance_bins(distances: npt.NDArray[np.number]) -> npt.NDArray[np.int64]:
    """Return the bin of each distance of one chromosome, int64 (n,), from 0; see :func:`shuffle_labels`."""
    bins = min(BINS, max(1, len(distances) // LEAST_PAIRS))
    edges = np.quantile(distances, np.arange(1, bins) / bins)
    found: npt.NDArray[np.int64] = np.searchsorted(edges, distances, side="left").astype(np.int64)
    return found
