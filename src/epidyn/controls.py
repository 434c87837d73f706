"""Controls: changes to a table after which an honest model must score chance."""

from __future__ import annotations

import numpy as np
import pandas as pd


def shuffle_labels(pairs: pd.DataFrame, *, seed: int | np.random.Generator) -> pd.DataFrame:
    """Return the table with its labels permuted within each chromosome (of the promoter).

    The whole table is permuted, test part included: what is then left to learn says nothing of any pair, while
    the number of positives of each chromosome stays what it was.
    """
    rng = np.random.default_rng(seed)
    labels = pairs["label"].to_numpy().copy()
    for rows in pairs.groupby("promoter_chrom", sort=True).indices.values():
        labels[rows] = rng.permutation(labels[rows])
    return pairs.assign(label=labels)
