"""How good the scores of a table are, how sure that is, and whether another model's are better."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import pandas as pd

from epidyn import metrics
from epidyn.errors import ConfigError, PairTableError
from epidyn.pairs import REQUIRED
from epidyn.scores import PROBABILITY, RAW_PROBABILITY, ranking, summarise

log = logging.getLogger("epidyn")

Resample = Literal["blocks", "pairs", "none"]
LEAST_DRAWS = 100


@dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` finds.

    Attributes
    ----------
    summary
        All scores.
    intervals
        Of AUROC and AUPR; empty if none were asked for.
    curve
        The calibration curve.
    raw_brier
        The Brier score before calibration, if the scores are calibrated.
    other, comparison
        The summary of the scores compared with, and first minus other; None without them.
    """

    summary: metrics.Summary
    intervals: dict[str, metrics.Interval]
    curve: metrics.CalibrationCurve
    raw_brier: float | None = None
    other: metrics.Summary | None = None
    comparison: dict[str, metrics.Comparison] | None = None

    def report(self) -> dict[str, Any]:
        """Return the content of ``metrics.json``."""
        content: dict[str, Any] = {
            **self.summary,
            "raw_brier": self.raw_brier,
            "intervals": {name: asdict(interval) for name, interval in self.intervals.items()},
            "calibration_curve": self.curve,
        }
        if self.comparison is not None:
            compared = {name: asdict(each) for name, each in self.comparison.items()}
            content["comparison"] = {"other": self.other, **compared}
        return content


def evaluate(
    scores: pd.DataFrame,
    other: pd.DataFrame | None = None,
    *,
    threshold: float = 0.5,
    resample: Resample = "blocks",
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
    labels, rank = scores["label"], ranking(scores)
    summary = summarise(scores, threshold)
    options = {"draws": draws, "seed": seed}
    blocks = _blocks(scores) if resample == "blocks" else None
    intervals = {} if resample == "none" else metrics.intervals(labels, rank, blocks=blocks, **options)
    curve = metrics.calibration_curve(labels, scores[PROBABILITY])
    raw = scores.get(RAW_PROBABILITY)
    raw_brier = None if raw is None else float(((raw - labels) ** 2).mean())
    if other is None:
        return Evaluation(summary, intervals, curve, raw_brier)
    require_same_pairs(scores, other)
    comparison = metrics.compare(labels, rank, ranking(other), blocks=blocks, **options)
    return Evaluation(summary, intervals, curve, raw_brier, summarise(other, threshold), comparison)


def require_same_pairs(scores: pd.DataFrame, other: pd.DataFrame) -> None:
    """Raise PairTableError unless both tables hold the same pairs and labels, row by row."""
    if len(scores) != len(other):
        raise PairTableError(
            f"the tables compared hold {len(scores):,} and {len(other):,} pairs; they must hold the same ones, "
            "row by row."
        )
    columns = [*REQUIRED, "label"]
    differs = (scores[columns].to_numpy() != other[columns].to_numpy()).any(axis=1)
    if differs.any():
        row = int(differs.argmax())
        one, two = (" ".join(map(str, table[columns].iloc[row])) for table in (scores, other))
        raise PairTableError(
            f"{int(differs.sum()):,} of {len(scores):,} rows of the tables compared hold other pairs or labels "
            "(rows count from 0); they must be the same, row by row. The first:",
            [f"row {row}: {one}", f"row {row}: {two}"],
        )


def _blocks(scores: pd.DataFrame) -> pd.Series[str] | None:
    """Return the chromosome of each pair, or None, saying so, if there are too few."""
    chromosomes = scores["promoter_chrom"]
    if chromosomes.nunique() >= metrics.LEAST_BLOCKS:
        return chromosomes
    log.warning(
        "the pairs lie on %d chromosomes, and %d are needed to tell how chromosomes differ: the intervals are "
        "those of single pairs, which are too narrow",
        chromosomes.nunique(),
        metrics.LEAST_BLOCKS,
    )
    return None


def _check(resample: str, draws: int, *, compared: bool) -> None:
    if resample not in get_args(Resample):
        raise ConfigError(f"--interval {resample!r} is unknown; allowed are {', '.join(get_args(Resample))}.")
    if draws < LEAST_DRAWS:
        raise ConfigError(f"--draws is {draws}; fewer than {LEAST_DRAWS} make no interval.")
    if compared and resample == "none":
        raise ConfigError("--compare needs resampling. Leave out --interval none.")
