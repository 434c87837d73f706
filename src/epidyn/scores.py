"""Scores tables: a pair table with ``logit`` and ``probability`` behind it."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.errors import PairTableError
from epidyn.pairs import read_pairs

LOGIT, PROBABILITY = "logit", "probability"


def with_scores(
    pairs: pd.DataFrame, logits: npt.NDArray[np.floating], probabilities: npt.NDArray[np.floating]
) -> pd.DataFrame:
    """Return the table with both columns behind it; scores that it had before are replaced."""
    kept = pairs.drop(columns=[name for name in (LOGIT, PROBABILITY) if name in pairs])
    return kept.assign(**{LOGIT: logits, PROBABILITY: probabilities})


def read_scores(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a scores table with labels, as ``predict`` writes it from a labelled table.

    Returns
    -------
    DataFrame
        As :func:`epidyn.read_pairs`, with ``probability`` as float64.

    Raises
    ------
    InputFileError, PairTableError
        As ``read_pairs`` does; or if label or probability is missing, or a probability is no number in [0, 1].
    """
    table = read_pairs(path)
    for column, cure in (("label", "predict a labelled table"), (PROBABILITY, "run `epidyn predict` first")):
        if column not in table:
            raise PairTableError(f"{path} has no column {column!r}, which evaluation needs; {cure}.")
    numbers = pd.to_numeric(table[PROBABILITY], errors="coerce")
    bad = table.index[~numbers.between(0, 1)]
    if len(bad):
        raise PairTableError(
            f"{path}: {len(bad)} probabilities are no number from 0 to 1 (rows count from 0):",
            [f"row {row}: {table[PROBABILITY][row]!r}" for row in bad],
        )
    return table.assign(**{PROBABILITY: numbers.astype(np.float64)})
