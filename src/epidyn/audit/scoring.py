"""What the baselines score: on random splits, and with each chromosome held out in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import metrics, progress
from epidyn.audit.baselines import Baseline, Rows
from epidyn.audit.features import Features, Floats
from epidyn.metrics import LEAST_BLOCKS, Interval
from epidyn.pairs import spellings
from epidyn.splits import Split, folds


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (of a sample, so over n - 1; None for one) over splits or chromosomes."""

    mean: float
    sd: float | None


@dataclass(frozen=True)
class RandomScores:
    """On random splits (floor(0.1 n) of each label is test).

    Attributes
    ----------
    positives, negatives
        Pairs in the test part, the same in every split.
    auroc, aupr
        Over the splits.
    first
        ``auroc`` and ``aupr`` of the first split, with intervals.
    """

    positives: int
    negatives: int
    auroc: Spread
    aupr: Spread
    first: dict[str, Interval]


@dataclass(frozen=True)
class HeldOutScores:
    """Each chromosome predicted by what was trained on all others.

    Attributes
    ----------
    pooled
        ``auroc`` and ``aupr`` of all these predictions, with intervals.
    auroc, aupr
        Over the chromosomes that have both labels; None if none has.
    by_chromosome
        AUROC and AUPR of each of these.
    """

    pooled: dict[str, Interval]
    auroc: Spread | None
    aupr: Spread | None
    by_chromosome: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class BaselineScores:
    """What one baseline scores; ``held_out`` is None where chromosomes cannot be held out."""

    name: str
    reads: str
    reads_sequence: bool
    random: RandomScores
    held_out: HeldOutScores | None


@dataclass(frozen=True)
class Folds:
    """Chromosomes to hold out.

    Attributes
    ----------
    rows
        Rows of each chromosome that is held out in turn; empty if none can be.
    left_out
        One sentence on why none can be held out, or None.
    """

    rows: dict[str, Rows]
    left_out: str | None


def chromosome_folds(pairs: pd.DataFrame) -> Folds:
    """Return the chromosomes to hold out in turn; without any of them the table must still have both labels."""
    names = list(spellings(pairs).values())
    if len(names) == 1:
        return Folds({}, f"All pairs lie on {names[0]}, so no chromosome can be held out.")
    for label in (0, 1):
        of_label = list(spellings(pairs[pairs["label"] == label]).values())
        if len(of_label) == 1:
            return Folds(
                {},
                f"All pairs with label {label} lie on {of_label[0]}, so chromosomes cannot be held out in turn.",
            )
    return Folds(folds(pairs, "loco"), None)


def score_baselines(
    features: Features,
    baselines: Sequence[Baseline],
    splits: Sequence[Split],
    held_out: Folds,
    *,
    seed: int,
    draws: int,
) -> list[BaselineScores]:
    """Train and test every baseline on every random split, and on the chromosomes that are held out.

    Parameters
    ----------
    features
        The whole table.
    baselines, splits, held_out
        What is scored, and on what; one split or more.
    seed, draws
        Of the bootstrap.
    """
    random_parts = [(split.rows("train"), split.rows("test")) for split in splits]
    everything = np.arange(len(features.label))
    folds_parts = [(np.setdiff1d(everything, rows, assume_unique=True), rows) for rows in held_out.rows.values()]
    scored = []
    with progress.bar("Baselines", len(baselines) * (len(random_parts) + len(folds_parts))) as advance:
        for baseline in baselines:
            predicted: list[Floats] = []
            for train, test in (*random_parts, *folds_parts):
                predicted.append(baseline.predict(features, train, test))
                advance(1, baseline.name)
            on_random, on_folds = predicted[: len(splits)], predicted[len(splits) :]
            tests = [test for _, test in random_parts]
            scored.append(
                BaselineScores(
                    baseline.name,
                    baseline.reads,
                    baseline.reads_sequence,
                    _random_scores(features, tests, on_random, draws=draws, seed=seed),
                    _held_out_scores(features, held_out.rows, on_folds, draws=draws, seed=seed)
                    if on_folds
                    else None,
                )
            )
    return scored


def blocks_of(chrom: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return what to draw as a whole for an interval: chromosomes, or None (single pairs) if they are too few."""
    return chrom if len(np.unique(chrom)) >= LEAST_BLOCKS else None


def _random_scores(
    features: Features, tests: list[Rows], predicted: list[Floats], *, draws: int, seed: int
) -> RandomScores:
    truths = [features.label[test] for test in tests]
    first = metrics.intervals(
        truths[0], predicted[0], blocks=blocks_of(features.chrom[tests[0]]), draws=draws, seed=seed
    )
    auroc = [metrics.auroc(truth, scores) for truth, scores in zip(truths, predicted, strict=True)]
    aupr = [metrics.aupr(truth, scores) for truth, scores in zip(truths, predicted, strict=True)]
    positives = int(truths[0].sum())
    return RandomScores(positives, len(truths[0]) - positives, _spread(auroc), _spread(aupr), first)


def _held_out_scores(
    features: Features, rows: dict[str, Rows], predicted: list[Floats], *, draws: int, seed: int
) -> HeldOutScores:
    tested, scores = np.concatenate(list(rows.values())), np.concatenate(predicted)
    blocks = blocks_of(features.chrom[tested])
    pooled = metrics.intervals(features.label[tested], scores, blocks=blocks, draws=draws, seed=seed)
    single = {
        name: (metrics.auroc(features.label[test], each), metrics.aupr(features.label[test], each))
        for (name, test), each in zip(rows.items(), predicted, strict=True)
        if len(np.unique(features.label[test])) == 2
    }
    if not single:
        return HeldOutScores(pooled, None, None, {})
    auroc, aupr = zip(*single.values(), strict=True)
    return HeldOutScores(pooled, _spread(auroc), _spread(aupr), single)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)
