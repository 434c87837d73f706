from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import metrics, read_pairs
from epidyn.audit.baselines import BASELINES, Baseline, identity, neighbours
from epidyn.audit.features import Features, read_features
from epidyn.audit.scoring import BaselineScores, Folds, chromosome_folds, score_baselines
from epidyn.splits import make_split
from tests.audit.tables import propensity, scattered, table
from tests.conftest import needs_data

# AUROC and AUPR, mean of 20 random splits: what is known of the real tables.
KNOWN = {
    "GM12878": {"identity": (0.920, 0.525), "neighbours": (0.936, 0.824)},
    "HUVEC": {"identity": (0.921, 0.547), "neighbours": (0.929, 0.820)},
    "HeLa-S3": {"identity": (0.949, 0.579), "neighbours": (0.963, 0.886)},
    "IMR90": {"identity": (0.907, 0.454), "neighbours": (0.931, 0.821)},
    "K562": {"identity": (0.936, 0.591), "neighbours": (0.944, 0.849)},
    "NHEK": {"identity": (0.957, 0.608), "neighbours": (0.971, 0.891)},
}
BY_NAME = {each.name: each for each in BASELINES}


def scored(
    pairs: pd.DataFrame, *names: str, splits: int = 3, baselines: list[Baseline] | None = None
) -> list[BaselineScores]:
    drawn = [make_split(pairs, "random", "samples", seed=seed) for seed in range(splits)]
    asked = [BY_NAME[name] for name in names] if baselines is None else baselines
    return score_baselines(read_features(pairs), asked, drawn, chromosome_folds(pairs), seed=0, draws=100)


@needs_data
@pytest.mark.parametrize("name", KNOWN)
def test_the_real_tables_give_what_is_known_of_them(name: str, data: Path):
    pairs = read_pairs(data / "targetfinder" / f"{name}.csv.gz")
    features = read_features(pairs)
    label = pairs["label"].to_numpy()
    found: dict[str, list[tuple[float, float]]] = {"identity": [], "neighbours": []}
    for seed in range(20):
        split = make_split(pairs, "random", "samples", seed=seed)
        train, test = split.rows("train"), split.rows("test")
        for baseline, predict in (("identity", identity), ("neighbours", neighbours)):
            scores = predict(features, train, test)
            found[baseline].append((metrics.auroc(label[test], scores), metrics.aupr(label[test], scores)))
    for baseline, (auroc, aupr) in KNOWN[name].items():
        mean = np.mean(found[baseline], axis=0)
        assert mean[0] == pytest.approx(auroc, abs=0.01)
        assert mean[1] == pytest.approx(aupr, abs=0.02)


@needs_data
def test_on_a_real_table_identity_is_exactly_chance_with_chromosomes_held_out(data: Path):
    pairs = read_pairs(data / "targetfinder" / "GM12878.csv.gz")
    for found in scored(pairs, "identity", "neighbours", splits=2):
        assert found.held_out is not None
        assert found.held_out.pooled["auroc"].value == found.held_out.pooled["auroc"].low == 0.5
        assert found.held_out.pooled["aupr"].value == pytest.approx(pairs["label"].mean(), abs=1e-12)
        assert {auroc for auroc, _ in found.held_out.by_chromosome.values()} == {0.5}
        assert found.random.auroc.mean > 0.9


def test_identity_and_neighbours_are_exactly_chance_with_chromosomes_held_out_whatever_their_rates():
    pairs = pd.concat(
        [scattered(seed, 80, 1, rate).replace("chr1", f"chr{seed}") for seed, rate in enumerate((0.1, 0.3, 0.8))]
    )
    for found in scored(pairs, "identity", "neighbours"):
        assert found.held_out is not None
        assert found.held_out.pooled["auroc"].value == 0.5
        assert (found.held_out.auroc.mean, found.held_out.auroc.sd) == (0.5, 0)


def test_identity_remembers_promoters_and_knows_none_elsewhere():
    (found,) = scored(propensity(1), "identity")
    assert found.random.auroc.mean > 0.95
    assert found.random.first["auroc"].value > 0.95
    assert found.held_out is not None
    assert found.held_out.pooled["auroc"].value == 0.5


def recording(calls: list[tuple[np.ndarray, np.ndarray]]) -> Baseline:
    """A baseline that knows the labels, and writes down what it is asked."""

    def predict(features: Features, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        calls.append((train, test))
        return features.label[test].astype(float)

    return Baseline("oracle", "labels", "it knows them", predict)


def test_every_split_and_every_chromosome_is_tested_on_the_rest():
    pairs = pd.concat([scattered(1, 90, 3), table([("chr9", 1, 5000, 0), ("chr9", 7000, 90, 0)])])
    calls: list[tuple[np.ndarray, np.ndarray]] = []
    (found,) = scored(pairs, baselines=[recording(calls)])
    label = pairs["label"].to_numpy()
    assert len(calls) == 3 + 4
    for train, test in calls:
        assert sorted([*train, *test]) == list(range(len(pairs)))
    sizes = [int(0.1 * (label == each).sum()) for each in (0, 1)]
    for _, test in calls[:3]:
        assert np.bincount(label[test]).tolist() == sizes
    assert len({tuple(test) for _, test in calls[:3]}) == 3
    assert [pairs["promoter_chrom"].iloc[test].unique().tolist() for _, test in calls[3:]] == [
        [name] for name in ("chr1", "chr2", "chr3", "chr9")
    ]
    assert (found.random.negatives, found.random.positives) == tuple(sizes)
    assert (found.random.auroc.mean, found.random.auroc.sd, found.random.aupr.mean) == (1, 0, 1)
    assert found.held_out is not None
    # chr9 has one label: in the pooled scores, in no mean.
    assert list(found.held_out.by_chromosome) == ["chr1", "chr2", "chr3"]
    assert found.held_out.pooled["auroc"].blocks == 4
    assert found.held_out.pooled["aupr"].value == 1


def test_the_spread_is_that_of_the_splits():
    pairs = scattered(2, 300)
    (found,) = scored(pairs, "neighbours", splits=6)
    features, label = read_features(pairs), pairs["label"].to_numpy()
    areas = []
    for seed in range(6):
        split = make_split(pairs, "random", "samples", seed=seed)
        test = split.rows("test")
        areas.append(metrics.auroc(label[test], neighbours(features, split.rows("train"), test)))
    assert found.random.auroc.mean == pytest.approx(np.mean(areas))
    assert found.random.auroc.sd == pytest.approx(np.std(areas, ddof=1))
    assert found.random.first["auroc"].value == pytest.approx(areas[0])


def test_one_chromosome_cannot_be_held_out():
    pairs = scattered(3, 100, 1)
    assert chromosome_folds(pairs) == Folds({}, "All pairs lie on chr1, so no chromosome can be held out.")
    (found,) = scored(pairs, "identity")
    assert found.held_out is None
    assert found.random.first["auroc"].blocks == 0


def test_chromosomes_are_not_held_out_where_one_label_lies_on_one_of_them():
    pairs = scattered(4, 60, 3)
    pairs["label"] = ((pairs["promoter_chrom"] == "chr2") & (np.arange(60) % 2 == 0)).astype("int8")
    assert chromosome_folds(pairs).rows == {}
    assert "All pairs with label 1 lie on chr2" in str(chromosome_folds(pairs).left_out)


def test_all_chromosomes_are_held_out_where_each_label_lies_on_two():
    rows = [("chr10", 10_000 * number, 5_000_000 + 10_000 * number, number % 2) for number in range(40)]
    rows += [(f"chr{chrom}", 10_000 * chrom, 900_000, 1) for chrom in (2, 3)]
    assert "All pairs with label 0 lie on chr10" in str(chromosome_folds(table(rows)).left_out)
    found = chromosome_folds(table([*rows, ("chr3", 10_000, 900_000, 0)]))
    assert found.left_out is None
    assert {name: len(held_out) for name, held_out in found.rows.items()} == {"chr2": 1, "chr3": 2, "chr10": 40}


def test_chromosomes_of_one_label_each_are_pooled_and_have_no_mean():
    rows = [
        (f"chr{chrom}", 10_000 * number, 900_000 + 20_000 * number, chrom % 2)
        for chrom in range(1, 5)
        for number in range(20)
    ]
    (found,) = scored(table(rows), "length and distance")
    assert found.held_out is not None
    assert found.held_out.auroc is None
    assert found.held_out.aupr is None
    assert found.held_out.by_chromosome == {}
    assert 0 <= found.held_out.pooled["auroc"].value <= 1
