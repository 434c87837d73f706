"""What a table itself says of leakage: one-label elements, overlapping windows, distances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from epidyn.audit.features import Features, Ints
from epidyn.elements import ROLES, Role
from epidyn.pairs import intervals, spellings
from epidyn.spans import LENGTHS, clusters, window_spans
from epidyn.splits import folds

# Shares of positive pairs by which elements are counted: 0, five steps between, 1.
PURITY_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

DISTANCE_BINS = 40


@dataclass(frozen=True)
class Elements:
    """How the elements of one role bear their labels.

    "By chance" is what is expected if each pair's label were drawn with the overall rate, whatever its element.

    Attributes
    ----------
    elements, several
        Distinct elements, and those of them with two pairs or more.
    one_label
        Share of the elements all of whose pairs have one label.
    one_label_of_several, one_label_of_several_by_chance
        The same among those with two pairs or more; None if there are none.
    positives_shared, positives_shared_by_chance
        Share of the positive pairs whose element occurs in another positive pair.
    rates, rates_by_chance
        Elements with two pairs or more by their share of positive pairs: exactly 0, up to 0.2, 0.4, 0.6, 0.8,
        below 1, exactly 1; 7 counts.
    window
        Length of their windows in bases.
    overlapping
        Share of the elements whose window overlaps that of another element of this role.
    """

    elements: int
    several: int
    one_label: float
    one_label_of_several: float | None
    one_label_of_several_by_chance: float | None
    positives_shared: float
    positives_shared_by_chance: float
    rates: list[int]
    rates_by_chance: list[float]
    window: int
    overlapping: float


@dataclass(frozen=True)
class Distances:
    """Distance between the midpoints of a pair, by label.

    Attributes
    ----------
    median_positive, median_negative
        In bases.
    ks
        Largest difference of both distribution functions (Kolmogorov-Smirnov).
    edges
        Of the histogram's bins, in bases, rising by a constant factor.
    positives, negatives
        Pairs in each bin.
    """

    median_positive: float
    median_negative: float
    ks: float
    edges: list[float]
    positives: list[int]
    negatives: list[int]


@dataclass(frozen=True)
class Chromosome:
    """A chromosome's pairs."""

    name: str
    pairs: int
    positives: int


@dataclass(frozen=True)
class Facts:
    """What a table holds."""

    pairs: int
    positives: int
    prevalence: float
    cell_lines: list[str]
    elements: Mapping[Role, Elements]
    distances: Distances
    chromosomes: list[Chromosome]


def gather(pairs: pd.DataFrame, features: Features) -> Facts:
    """Return what a labelled table holds; ``features`` are those of its rows."""
    positives = int(features.label.sum())
    return Facts(
        pairs=len(pairs),
        positives=positives,
        prevalence=positives / len(pairs),
        cell_lines=sorted(pairs["cell_line"].unique()) if "cell_line" in pairs else [],
        elements={role: _elements(pairs, features, role) for role in ROLES},
        distances=_distances(features),
        chromosomes=_chromosomes(pairs, features),
    )


def _elements(pairs: pd.DataFrame, features: Features, role: Role) -> Elements:
    number, label, rate = features.element[role], features.label, features.label.mean()
    count = np.bincount(number)
    positives = np.bincount(number, weights=label).astype(np.int64)
    several = count >= 2
    pure = (positives == 0) | (positives == count)
    of_one_label = (1 - rate) ** count + rate**count
    alone = count * rate * (1 - rate) ** (count - 1)
    return Elements(
        elements=len(count),
        several=int(several.sum()),
        one_label=float(pure.mean()),
        one_label_of_several=float(pure[several].mean()) if several.any() else None,
        one_label_of_several_by_chance=float(of_one_label[several].mean()) if several.any() else None,
        positives_shared=float((label * (positives[number] >= 2)).sum() / label.sum()),
        positives_shared_by_chance=float(1 - alone.sum() / (count * rate).sum()),
        rates=np.bincount(_purity_bin(positives[several], count[several]), minlength=7).tolist(),
        rates_by_chance=_rates_by_chance(count[several], float(rate)).tolist(),
        window=LENGTHS[role],
        overlapping=float(_overlapping(pairs, role).mean()),
    )


def _purity_bin(positives: Ints, count: Ints) -> Ints:
    """Return 0 for no positive, 1 to 5 for the steps between, 6 for positives alone, (n,)."""
    between = np.clip(np.searchsorted(PURITY_EDGES, positives / count), 1, 5)
    return np.where(positives == 0, 0, np.where(positives == count, 6, between))


def _rates_by_chance(count: Ints, rate: float) -> npt.NDArray[np.float64]:
    """Return how many elements with these numbers of pairs each bin would hold if labels were drawn, (7,)."""
    expected = np.zeros(7)
    for pairs, elements in zip(*np.unique(count, return_counts=True), strict=True):
        positives = np.arange(pairs + 1)
        bins = _purity_bin(positives, np.full_like(positives, pairs))
        shares = stats.binom.pmf(positives, pairs, rate)
        expected += elements * np.bincount(bins, weights=shares, minlength=7)
    return expected


def _overlapping(pairs: pd.DataFrame, role: Role) -> npt.NDArray[np.bool_]:
    """Return which distinct elements have a window that overlaps another's, bool (elements,)."""
    distinct = pairs[~intervals(pairs, role).duplicated()]
    spans = window_spans(distinct, shifts=np.zeros(len(distinct), dtype=bool))
    (cluster,) = clusters([spans[role]])
    return np.bincount(cluster)[cluster] > 1


def _distances(features: Features) -> Distances:
    size = np.maximum(np.abs(features.distance), 1)
    positive, negative = size[features.label == 1], size[features.label == 0]
    edges = np.geomspace(size.min(), size.max() + 1, DISTANCE_BINS + 1)
    edges[[0, -1]] = size.min(), size.max() + 1  # which rounding may have moved
    return Distances(
        float(np.median(positive)),
        float(np.median(negative)),
        float(stats.ks_2samp(positive, negative, method="asymp").statistic),
        edges.tolist(),
        np.histogram(positive, edges)[0].tolist(),
        np.histogram(negative, edges)[0].tolist(),
    )


def _chromosomes(pairs: pd.DataFrame, features: Features) -> list[Chromosome]:
    names = list(spellings(pairs).values())
    if len(names) == 1:
        return [Chromosome(names[0], len(pairs), int(features.label.sum()))]
    return [
        Chromosome(name, len(rows), int(features.label[rows].sum())) for name, rows in folds(pairs, "loco").items()
    ]
