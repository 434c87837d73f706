"""The whole audit of one table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pandas as pd

from epidyn import __version__
from epidyn.audit.baselines import BASELINES
from epidyn.audit.comparison import ModelScores, compare_with_model
from epidyn.audit.facts import Facts, gather
from epidyn.audit.features import read_features
from epidyn.audit.scoring import BaselineScores, chromosome_folds, score_baselines
from epidyn.audit.verdict import Verdict, judge
from epidyn.errors import ConfigError, SplitError
from epidyn.genome import Genome
from epidyn.leakage import Leakage, measure
from epidyn.metrics import DRAWS
from epidyn.spans import window_spans
from epidyn.splits import TEST_FRACTION, Split, make_split

if TYPE_CHECKING:
    from epidyn.audit.controls import Control

SPLITS = 5
LEAST_SPLITS = 2


@dataclass(frozen=True)
class Settings:
    """What an audit was asked for.

    Attributes
    ----------
    source
        The table.
    genome
        Its name, if one was given.
    splits, seed
        Random splits, and the seed of the first; the others follow.
    draws
        Of each bootstrap interval.
    version
        Of this package.
    """

    source: str
    genome: str | None
    splits: int
    seed: int
    draws: int
    version: str


@dataclass(frozen=True)
class Audit:
    """What any split of a table gives to a model that reads no sequence.

    Attributes
    ----------
    settings
        What was asked for.
    verdict
        What follows.
    facts
        What the table holds.
    leakage
        What the first random split shares between training and test.
    baselines
        What each scores.
    held_out_note
        Why no chromosome could be held out, or None.
    model
        A model's scores beside the baselines', if given.
    controls
        What networks scored under controls, if any were run.
    """

    settings: Settings
    verdict: Verdict
    facts: Facts
    leakage: Leakage
    baselines: list[BaselineScores]
    held_out_note: str | None
    model: ModelScores | None
    controls: list[Control] = field(default_factory=list)


def audit(
    pairs: pd.DataFrame,
    genome: Genome | None = None,
    scores: pd.DataFrame | None = None,
    *,
    splits: int = SPLITS,
    seed: int = 0,
    draws: int = DRAWS,
) -> Audit:
    """Say what a table gives to a model that reads no sequence, on random splits and on chromosomes held out.

    Parameters
    ----------
    pairs
        A pair table with labels, as :func:`epidyn.read_pairs` returns it.
    genome
        With it, what base composition gives is measured too.
    scores
        A model's predictions on some of the pairs, as :func:`epidyn.scores.read_scores` returns them; the
        baselines are then trained on the others and compared with it.
    splits
        Random splits, 2 or more.
    seed
        Of the first split and of the bootstrap; each further split takes the next.
    draws
        Of each bootstrap interval.

    Raises
    ------
    SplitError
        If there are no labels, or fewer than 10 pairs of one; see also :func:`compare_with_model`.
    PairTableError
        If ``scores`` do not match the table.
    ChromosomeError, IntervalError
        If ``genome`` does not hold the elements.
    ConfigError
        If ``splits`` is below 2.
    """
    if splits < LEAST_SPLITS:
        raise ConfigError(f"splits is {splits}; it must be {LEAST_SPLITS} or more, or there is no spread.")
    source = str(pairs.attrs.get("source", "the pair table"))
    _require_labels(pairs, source)
    features = read_features(pairs, genome)
    baselines = [each for each in BASELINES if genome is not None or not each.reads_sequence]
    model = None
    if scores is not None:  # first: its input may be wrong
        model = compare_with_model(pairs, features, scores, baselines, draws=draws, seed=seed)
    facts = gather(pairs, features)
    drawn = [make_split(pairs, "random", "samples", seed=seed + number) for number in range(splits)]
    shared = _shared(pairs, drawn[0])
    held_out = chromosome_folds(pairs)
    scored = score_baselines(features, baselines, drawn, held_out, seed=seed, draws=draws)
    settings = Settings(source, None if genome is None else genome.name, splits, seed, draws, __version__)
    verdict = judge(facts, shared, scored, held_out, model)
    return Audit(settings, verdict, facts, shared, scored, held_out.left_out, model)


def _shared(pairs: pd.DataFrame, split: Split) -> Leakage:
    """Measure what a random split shares, training positives being seen as the published shifted copies."""
    shifts = (split.parts != "test") & (pairs["label"].to_numpy() == 1)
    return cast(Leakage, measure(pairs, split, window_spans(pairs, shifts=shifts)))  # it has a test part


def _require_labels(pairs: pd.DataFrame, source: str) -> None:
    if "label" not in pairs:
        raise SplitError(f"{source} has no column 'label'; an audit needs labels 0 and 1. Give a labelled table.")
    least = math.ceil(1 / TEST_FRACTION)
    counts = {label: int((pairs["label"] == label).sum()) for label in (0, 1)}
    if min(counts.values()) < least:
        raise SplitError(
            f"{source} has {counts[1]:,} pairs with label 1 and {counts[0]:,} with label 0; an audit needs "
            f"{least} of each, or a random split's test part lacks one. Give a larger labelled table."
        )
