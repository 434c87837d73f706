"""How often intervals cover and p misleads: `python benchmarks/interval_coverage.py [--quick] [--out DIR]`.

Simulated models are better on some chromosomes than on others: a positive scores higher than a negative by an
amount that is drawn for each chromosome. Intervals are to cover the score that the model has over all chromosomes
there could be; two models of the same expected score are to differ with p below 0.05 in 5% of the comparisons.
Chromosomes are drawn, and single pairs. DIR (default `bench`) gets `coverage.json` and `coverage.md`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from measure import Figure, Section, Wanted, write
from scipy import stats

from epidyn import metrics, progress

PREVALENCE = 0.2
SEPARATION = 1.0
DRAWN = ("chromosomes", "single pairs")
SCORES = ("auroc", "aupr")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How many data sets, comparisons and draws, and the pairs of the sample that stands for the truth."""

    data_sets: int
    comparisons: int
    draws: int
    truth: int


FULL = Settings(data_sets=500, comparisons=1500, draws=400, truth=2_000_000)
QUICK = Settings(data_sets=8, comparisons=8, draws=20, truth=20_000)


@dataclass(frozen=True)
class Simulated:
    """Labels and chromosomes (pairs,), and the scores of each model (models, pairs)."""

    labels: npt.NDArray[np.int64]
    chromosomes: npt.NDArray[np.int64]
    scores: Floats

    def blocks(self, drawn: str) -> npt.NDArray[np.int64] | None:
        return self.chromosomes if drawn == "chromosomes" else None


def simulate(rng: np.random.Generator, *, models: int, chromosomes: int, pairs: int, spread: float) -> Simulated:
    """Draw pairs and models whose separation of the labels has the standard deviation ``spread``."""
    chromosome = rng.integers(chromosomes, size=pairs)
    labels = (rng.random(pairs) < PREVALENCE).astype(np.int64)
    separation = SEPARATION + spread * rng.standard_normal((models, chromosomes))
    return Simulated(labels, chromosome, rng.standard_normal((models, pairs)) + labels * separation[:, chromosome])


def coverage(settings: Settings, chromosomes: int, drawn: str) -> list[Figure]:
    """Return in how many data sets of 900 pairs the 95% intervals cover the truth, in %."""
    spread = 0.5
    # Over all chromosomes each pair has one of its own.
    whole = simulate(
        np.random.default_rng(0), models=1, chromosomes=settings.truth, pairs=settings.truth, spread=spread
    )
    truth = {
        "auroc": metrics.auroc(whole.labels, whole.scores[0]),
        "aupr": metrics.aupr(whole.labels, whole.scores[0]),
    }
    covered = dict.fromkeys(SCORES, 0)
    with progress.bar(f"Intervals, {chromosomes} chromosomes, {drawn}", settings.data_sets) as advance:
        for seed in range(settings.data_sets):
            rng = np.random.default_rng([1, seed])
            data = simulate(rng, models=1, chromosomes=chromosomes, pairs=900, spread=spread)
            found = metrics.intervals(
                data.labels, data.scores[0], blocks=data.blocks(drawn), draws=settings.draws, seed=seed
            )
            for name in SCORES:
                covered[name] += found[name].low <= truth[name] <= found[name].high
            advance(1)
    wanted = (Wanted("value", ">=", 90),) if (chromosomes, drawn) == (22, DRAWN[0]) else ()
    return [
        Figure(
            f"{name.upper()}: covered by intervals of {drawn}, {chromosomes} chromosomes",
            100 * count / settings.data_sets,
            "%",
            wanted=wanted,
        )
        for name, count in covered.items()
    ]


def false_alarms(settings: Settings, pairs: int, drawn: str) -> list[Figure]:
    """Return how often two equal models on 22 chromosomes differ with p < 0.05, in %, and how uniform p is."""
    p: dict[str, list[float]] = {name: [] for name in SCORES}
    with progress.bar(f"Comparisons, {pairs:,} pairs, {drawn}", settings.comparisons) as advance:
        for seed in range(settings.comparisons):
            rng = np.random.default_rng([2, seed])
            data = simulate(rng, models=2, chromosomes=22, pairs=pairs, spread=0.4)
            found = metrics.compare(
                data.labels, *data.scores, blocks=data.blocks(drawn), draws=settings.draws, seed=seed
            )
            for name in SCORES:
                p[name].append(found[name].p)
            advance(1)
    wanted = (Wanted("value", "<=", 8),) if drawn == DRAWN[0] else ()
    figures = []
    for name, values in p.items():
        what = f"{name.upper()}, {pairs:,} pairs, draws of {drawn}"
        below = 100 * float((np.array(values) < 0.05).mean())
        figures.append(Figure(f"{what}: p < 0.05 of equal models", below, "%", wanted=wanted))
        figures.append(Figure(f"{what}: Kolmogorov-Smirnov p", float(stats.kstest(values, "uniform").pvalue), ""))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few data sets and draws: does it run?")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    settings = QUICK if given.quick else FULL
    cases = [(22, DRAWN[0]), (22, DRAWN[1]), *((chromosomes, DRAWN[0]) for chromosomes in (3, 5, 10))]
    sections = [
        Section("Coverage of 95% intervals", [each for case in cases for each in coverage(settings, *case)]),
        Section(
            "Comparisons of equal models",
            [each for pairs in (700, 3_000) for drawn in DRAWN for each in false_alarms(settings, pairs, drawn)],
        ),
    ]
    print("\n\n".join(section.markdown() for section in sections))
    write(given.out, "coverage", sections, "Intervals and comparisons")


if __name__ == "__main__":
    main()
