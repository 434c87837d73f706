"""How good the scores of a table are, how sure that is, and whether another model's are better."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from epidyn import metrics
from epidyn.errors import ConfigError, PairTableError
from epidyn.pairs import REQUIRED, chromosomes, one_spelling
from epidyn.scores import PROBABILITY, RAW_PROBABILITY, Scores, by_line, ranking, summarise

log = logging.getLogger("epidyn")

RESAMPLED = ("blocks", "pairs", "none")
LEAST_DRAWS = 100

_TOO_FEW_CHROMOSOMES = (
    "the pairs lie on too few chromosomes (%d; %d are needed) to tell how chromosomes differ: the intervals are "
    "those of single pairs, which are too narrow"
)


@dataclass(frozen=True)
class Compared:
    """Other scores of the same pairs: all of theirs with intervals, and how much better the first ones are."""

    summary: metrics.Summary
    intervals: dict[str, metrics.Interval]
    differences: dict[str, metrics.Comparison]


@dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` finds.

    Attributes
    ----------
    summary
        All scores.
    lines
        Those of each cell line, or its counts if it has one label only; empty if the table names none.
    curve
        The calibration curve.
    raw_brier
        The Brier score before calibration, if the scores are calibrated.
    resampled
        What was drawn for intervals; not what was asked for if there are too few chromosomes.
    draws, seed
        Number of draws, and their seed.
    intervals
        Of AUROC and AUPR; empty if none were asked for.
    compared
        The scores compared with, if any.
    """

    summary: metrics.Summary
    lines: dict[str, Scores]
    curve: metrics.CalibrationCurve
    raw_brier: float | None
    resampled: str
    draws: int
    seed: int
    intervals: dict[str, metrics.Interval]
    compared: Compared | None

    def report(self) -> dict[str, Any]:
        """Return all of it as plain values, the summary's first."""
        content = asdict(self)
        return {**content.pop("summary"), **content}


def evaluate(
    scores: pd.DataFrame,
    other: pd.DataFrame | None = None,
    *,
    threshold: float = 0.5,
    resample: str = "blocks",
    draws: int = metrics.DRAWS,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a table of labelled scores, and compare it with another of the same pairs.

    Parameters
    ----------
    scores, other
        As :func:`epidyn.scores.read_scores` returns them; both with the same pairs and labels, row by row.
    threshold
        A pair counts as interacting from this probability on.
    resample
        What the bootstrap draws for intervals: ``blocks`` are the promoters' chromosomes, whose pairs are not
        independent; ``pairs`` are single pairs, whose interval is too narrow; ``none`` gives none. With fewer than
        3 chromosomes blocks become pairs, which is said.
    draws, seed
        Number of resampled tables, and the seed of what is drawn.

    Raises
    ------
    PairTableError
        If the two tables do not hold the same pairs.
    MetricError
        If only one label is there.
    ConfigError
        If ``resample`` is unknown, ``draws`` is below 100, or a comparison is to be made with ``none``.
    """
    _check(resample, draws, compared=other is not None)
    labels, ranks = scores["label"], [ranking(scores)]
    if other is not None:
        require_same_pairs(scores, other)
        ranks.append(ranking(other))
    summary = summarise(scores, threshold)
    chrom = chromosomes(scores)
    if resample == "blocks" and len(set(chrom)) < metrics.LEAST_BLOCKS:
        resample = "pairs"
        log.warning(_TOO_FEW_CHROMOSOMES, len(set(chrom)), metrics.LEAST_BLOCKS)
    intervals, compared = {}, None
    if resample != "none":
        blocks = chrom if resample == "blocks" else None
        bootstrap = metrics.Bootstrap(labels, ranks, blocks=blocks, draws=draws, seed=seed)
        intervals = bootstrap.intervals(0)
        if other is not None:
            compared = Compared(summarise(other, threshold), bootstrap.intervals(1), bootstrap.compare(0, 1))
    curve = metrics.calibration_curve(labels, scores[PROBABILITY])
    raw_brier = metrics.brier(labels, scores[RAW_PROBABILITY]) if RAW_PROBABILITY in scores else None
    return Evaluation(
        summary, by_line(scores, threshold), curve, raw_brier, resample, draws, seed, intervals, compared
    )


def require_same_pairs(scores: pd.DataFrame, other: pd.DataFrame) -> None:
    """Raise PairTableError unless both tables hold the same pairs and labels, row by row."""
    if len(scores) != len(other):
        raise PairTableError(
            f"the tables compared hold {len(scores):,} and {len(other):,} pairs; they must hold the same ones, "
            "row by row."
        )
    columns = [*REQUIRED, "label"]
    one, two = (one_spelling(table)[columns].to_numpy() for table in (scores, other))
    differs = (one != two).any(axis=1)
    if differs.any():
        row = int(differs.argmax())
        first = [" ".join(map(str, table[columns].iloc[row])) for table in (scores, other)]
        raise PairTableError(
            f"{int(differs.sum()):,} of {len(scores):,} rows of the tables compared hold other pairs or labels "
            "(rows count from 0); they must be the same, row by row. The first:",
            [f"row {row}: {each}" for each in first],
        )


def _check(resample: str, draws: int, *, compared: bool) -> None:
    if resample not in RESAMPLED:
        raise ConfigError(f"--interval {resample!r} is unknown; allowed are {', '.join(RESAMPLED)}.")
    if draws < LEAST_DRAWS:
        raise ConfigError(f"--draws is {draws}; fewer than {LEAST_DRAWS} make no interval.")
    if compared and resample == "none":
        raise ConfigError("--compare needs resampling. Leave out --interval none.")
