"""Models that read no sequence, or only its composition: what they score is what a split gives away.

Each is trained on some rows and returns, for others, how much more likely than the average training pair they are
to interact. It is exactly 0 where it knows nothing of a pair, so that predictions of several folds can be pooled:
an overall rate that differs between folds would rank them by fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from epidyn.audit.features import Features, Floats

NEIGHBOURS = 10

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Baseline:
    """A model to compare with.

    Attributes
    ----------
    name
        As reports show it.
    reads
        What it reads of a pair, and how.
    why
        What it means if this scores on a random split.
    predict
        Of features, training rows (both labels among them) and test rows; returns float64 (test,).
    reads_sequence
        Whether it needs a genome.
    """

    name: str
    reads: str
    why: str
    predict: Callable[[Features, Rows, Rows], Floats]
    reads_sequence: bool = False


def identity(features: Features, train: Rows, test: Rows) -> Floats:
    """Return how often each test pair's promoter and enhancer interact in training, as log-odds, (test,).

    For either element (positives + r) / (pairs + 1) among its training pairs, r the overall rate, and r itself for
    an element that training lacks; the log-odds of both, above those of r, are added.
    """
    label = features.label[train]
    rate = label.mean()
    total = np.zeros(len(test))
    for number in features.element.values():
        count = int(number.max()) + 1
        positives = np.bincount(number[train], weights=label, minlength=count)
        share = (positives + rate) / (np.bincount(number[train], minlength=count) + 1)
        odds = share / (1 - share)
        # A ratio of odds: its logarithm is exactly 0 for an element that training lacks.
        total += np.log(odds / (rate / (1 - rate)))[number[test]]
    return total


def neighbours(features: Features, train: Rows, test: Rows) -> Floats:
    """Return the mean label of each test pair's 10 nearest training pairs on its chromosome, (test,).

    Distance d is that of the enhancers' midpoints plus that of the promoters'; weights are 1 / (d + 1). The
    overall rate is subtracted; on a chromosome that training lacks it is all there is.
    """
    rate = features.label[train].mean()
    predicted = np.zeros(len(test))
    for chrom in np.intersect1d(features.chrom[train], features.chrom[test]):
        known = train[features.chrom[train] == chrom]
        asked = np.flatnonzero(features.chrom[test] == chrom)
        ranks = np.arange(1, min(NEIGHBOURS, len(known)) + 1)
        distance, which = KDTree(features.midpoint[known]).query(features.midpoint[test[asked]], k=ranks, p=1)
        weights = 1 / (distance + 1)
        predicted[asked] = (weights * features.label[known][which]).sum(axis=1) / weights.sum(axis=1) - rate
    return predicted


def length_and_distance(features: Features, train: Rows, test: Rows) -> Floats:
    """Return the log-odds of gradient-boosted trees on both lengths, the distance and its size, (test,)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    distance = features.distance[:, None]
    values = np.concatenate([features.length, distance, np.abs(distance)], axis=1)
    trees = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=0)
    trees.fit(values[train], features.label[train])
    return _above_rate(trees.decision_function(values[test]), features.label[train])


def composition(features: Features, train: Rows, test: Rows) -> Floats:
    """Return the log-odds of a logistic regression on GC and dinucleotide shares of both windows, (test,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if features.composition is None:
        raise ValueError("features were read without a genome")
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    regression.fit(features.composition[train], features.label[train])
    return _above_rate(regression.decision_function(features.composition[test]), features.label[train])


def _above_rate(log_odds: Floats, label: npt.NDArray[np.int64]) -> Floats:
    rate = label.mean()
    above: Floats = log_odds - np.log(rate / (1 - rate))
    return above


BASELINES = (
    Baseline(
        "identity",
        "which enhancer and which promoter it is: the log-odds of how often either interacts in training",
        "an element mostly has the same label in all its pairs",
        identity,
    ),
    Baseline(
        "neighbours",
        f"where both lie: the labels of the {NEIGHBOURS} nearest training pairs on their chromosome",
        "pairs that lie near each other mostly have the same label",
        neighbours,
    ),
    Baseline(
        "length and distance",
        "the lengths of both elements and the distance between them: gradient-boosted trees",
        "lengths and distance tell elements and labels apart",
        length_and_distance,
    ),
    Baseline(
        "base composition",
        "shares of GC and of dinucleotides in both windows: logistic regression",
        "base composition tells elements and labels apart",
        composition,
        reads_sequence=True,
    ),
)
