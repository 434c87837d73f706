"""Scores tables: a pair table with ``logit`` and ``probability`` behind it."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import metrics
from epidyn.errors import PairTableError
from epidyn.pairs import line_rows, read_pairs

Scores = metrics.Summary | metrics.LabelCounts

LOGIT, PROBABILITY, RAW_PROBABILITY = "logit", "probability", "raw_probability"


def with_scores(
    pairs: pd.DataFrame,
    logits: npt.NDArray[np.floating],
    probabilities: npt.NDArray[np.floating],
    raw: npt.NDArray[np.floating] | None = None,
) -> pd.DataFrame:
    """Return the table with the scores behind it; those that it had before are replaced.

    ``raw`` are the probabilities before calibration, of a model that is calibrated.
    """
    kept = pairs.drop(columns=[name for name in (LOGIT, PROBABILITY, RAW_PROBABILITY) if name in pairs])
    scored = kept.assign(**{LOGIT: logits, PROBABILITY: probabilities})
    return scored if raw is None else scored.assign(**{RAW_PROBABILITY: raw})


def read_scores(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a scores table with labels, as ``predict`` writes it from a labelled table.

    Returns
    -------
    DataFrame
        As :func:`epidyn.read_pairs`, with ``probability``, and ``logit`` and ``raw_probability`` if there, as
        float64.

    Raises
    ------
    InputFileError, PairTableError
        As ``read_pairs`` does; or if label or probability is missing, a probability is no number in [0, 1], or a
        logit no finite number.
    """
    table = read_pairs(path)
    for column, cure in (("label", "predict a labelled table"), (PROBABILITY, "run `epidyn predict` first")):
        if column not in table:
            raise PairTableError(f"{path} has no column {column!r}, without which scores say nothing; {cure}.")
    for column in (PROBABILITY, RAW_PROBABILITY):
        if column in table:
            table = table.assign(**{column: _numbers(table[column], 0, 1, "probabilities", path)})
    if LOGIT in table:
        widest = np.finfo(np.float64).max
        table = table.assign(**{LOGIT: _numbers(table[LOGIT], -widest, widest, "logits", path)})
    return table


def summarise(table: pd.DataFrame, threshold: float = 0.5) -> metrics.Summary:
    """Return all scores of a table that :func:`read_scores` read; raises what :func:`metrics.summarise` does."""
    return metrics.summarise(table["label"], table[PROBABILITY], threshold, ranking=ranking(table))


def summarise_or_count(table: pd.DataFrame, threshold: float = 0.5) -> Scores:
    """Return all scores as :func:`summarise` does, or the counts if there is one label only."""
    if table["label"].nunique() == 2:
        return summarise(table, threshold)
    return metrics.label_counts(table["label"])


def by_line(table: pd.DataFrame, threshold: float = 0.5) -> dict[str, Scores]:
    """Return the scores of each cell line, or its counts if it has one label only; empty if no line is named."""
    lines = line_rows(table)
    return {line: summarise_or_count(table.iloc[rows], threshold) for line, rows in lines.items() if line}


def ranking(table: pd.DataFrame) -> pd.Series[int]:
    """Return what ranks the pairs: the probability, and where it is the same, as where it saturates, the logit."""
    return table.groupby([name for name in (PROBABILITY, LOGIT) if name in table], sort=True).ngroup()


def _numbers(
    column: pd.Series[str], low: float, high: float, what: str, path: str | os.PathLike[str]
) -> pd.Series[float]:
    numbers = pd.to_numeric(column, errors="coerce")
    bad = column.index[~numbers.between(low, high)]
    if len(bad):
        allowed = f"from {low} to {high}" if what == "probabilities" else "that is finite"
        raise PairTableError(
            f"{path}: {len(bad)} {what} are no number {allowed} (rows count from 0):",
            [f"row {row}: {column[row]!r}" for row in bad],
        )
    return numbers.astype(np.float64)
