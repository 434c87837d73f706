"""Which cell line a simulated pair is of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def share_out(
    rng: np.random.Generator, pairs: pd.DataFrame, weights: Mapping[str, float], shared: float
) -> pd.DataFrame:
    """Return the pairs with their ``cell_line``; those of one promoter stay together.

    Lines differ in which elements they have, never in the rule: a pair has its label wherever it is.

    Parameters
    ----------
    rng
        Stream of this chromosome.
    pairs
        Of one chromosome, with ``promoter_name``.
    weights
        Line to its share; they need not add up to 1.
    shared
        Chance that a promoter, with its pairs, is in every line; otherwise it is in one, drawn by weight.

    Returns
    -------
    DataFrame
        A row for each pair and line, line by line in the order of ``weights``, index from 0.
    """
    promoter, promoters = pd.factorize(pairs["promoter_name"])
    odds = np.array(list(weights.values()), dtype=np.float64)
    line = rng.choice(len(odds), size=len(promoters), p=odds / odds.sum())
    everywhere = rng.random(len(promoters)) < shared
    tables: list[pd.DataFrame] = [
        pairs[((line == number) | everywhere)[promoter]].assign(cell_line=name)
        for number, name in enumerate(weights)
    ]
    return pd.concat(tables, ignore_index=True)
