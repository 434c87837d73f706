from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome, metrics
from epidyn.audit.baselines import BASELINES, composition, identity, length_and_distance, neighbours
from epidyn.audit.features import read_features
from tests.audit.tables import scattered, table

BLIND = [each for each in BASELINES if not each.reads_sequence]


def log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def test_identity_by_hand():
    pairs = table(
        [
            ("chr1", 100, 5000, 1),
            ("chr1", 200, 5000, 1),
            ("chr1", 300, 5000, 0),
            ("chr1", 100, 6000, 0),
            ("chr1", 400, 6000, 0),
            ("chr1", 100, 5000, 1),  # both known
            ("chr1", 900, 6000, 0),  # the promoter alone
            ("chr1", 900, 7000, 0),  # neither
            ("chr2", 100, 5000, 0),  # the same numbers elsewhere
        ]
    )
    got = identity(read_features(pairs), np.arange(5), np.arange(5, 9))
    rate = 2 / 5
    enhancer, promoter = log_odds((1 + rate) / 3), log_odds((2 + rate) / 4)
    other = log_odds((0 + rate) / 3)
    expected = [enhancer + promoter - 2 * log_odds(rate), other - log_odds(rate), 0, 0]
    assert got == pytest.approx(expected, abs=1e-12)
    assert got[2:].tolist() == [0, 0]


def by_brute_force(pairs: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> list[float]:
    """Every distance written out; only for tables without ties."""
    known, rate = pairs.iloc[train], pairs["label"].iloc[train].mean()
    found = []
    for row in test:
        asked = pairs.iloc[row]
        near = []
        for _, other in known[known["promoter_chrom"] == asked["promoter_chrom"]].iterrows():
            distance = sum(
                abs(asked[f"{role}_start"] + asked[f"{role}_end"] - other[f"{role}_start"] - other[f"{role}_end"])
                / 2
                for role in ("enhancer", "promoter")
            )
            near.append((distance, other["label"]))
        near = sorted(near)[:10]
        weights = [1 / (distance + 1) for distance, _ in near]
        total = sum(weight * label for weight, (_, label) in zip(weights, near, strict=True))
        found.append(total / sum(weights) - rate if near else 0.0)
    return found


def test_neighbours_are_those_of_brute_force():
    # chr5 has a handful of training pairs, chr6 none.
    pairs = pd.concat(
        [
            scattered(1, 200),
            scattered(2, 9, 1).assign(promoter_chrom="chr5"),
            scattered(3, 4, 1).assign(promoter_chrom="chr6"),
        ]
    )
    train = np.setdiff1d(np.arange(len(pairs)), [0, 5, 17, 60, 144, 201, 203, *range(209, 213)])
    test = np.setdiff1d(np.arange(len(pairs)), train)
    got = neighbours(read_features(pairs), train, test)
    assert got == pytest.approx(by_brute_force(pairs, train, test), abs=1e-12)
    assert got[-4:].tolist() == [0] * 4
    assert len(set(got)) > 5


def test_a_pair_that_training_holds_is_its_own_neighbour():
    pairs = scattered(4, 300)
    again = pd.concat([pairs, pairs.iloc[:50]])
    got = neighbours(read_features(again), np.arange(300), np.arange(300, 350))
    assert metrics.auroc(pairs["label"].iloc[:50], got) == 1


def test_lengths_and_distance_are_learned_and_hold_on_another_chromosome():
    pairs = scattered(5, 1200, 2)
    rng = np.random.default_rng(55)
    train, test = (np.flatnonzero(pairs["promoter_chrom"] == name) for name in ("chr1", "chr2"))
    # Promoters are all of one length.
    longer = pairs.assign(enhancer_end=pairs["enhancer_end"] + rng.integers(400, size=1200))
    rules = {
        "enhancer": longer["enhancer_end"] - longer["enhancer_start"] < 200,
        "sign": longer["enhancer_start"] > longer["promoter_start"],
        "size": (longer["enhancer_start"] - longer["promoter_start"]).abs() < 2 * 10**7,
    }
    for rule in rules.values():
        changed = longer.assign(label=rule.astype("int8"))
        got = length_and_distance(read_features(changed), train, test)
        assert metrics.auroc(changed["label"].iloc[test], got) > 0.95
    unlearnable = length_and_distance(read_features(longer), train, test)
    assert abs(metrics.auroc(longer["label"].iloc[test], unlearnable) - 0.5) < 0.1


def test_composition_is_learned_and_holds_on_another_chromosome():
    rng = np.random.default_rng(6)
    texts, rows = {}, []
    for name in ("chr1", "chr2"):
        pieces = []
        for number in range(60):
            strong = 0.4 + 0.1 * (number % 2)
            weights = [(1 - strong) / 2, strong / 2, strong / 2, (1 - strong) / 2]
            pieces.append("".join(rng.choice(list("ACGT"), 6000, p=weights)))
            rows.append((name, 6000 * number + 1500, 6000 * number + 4500, number % 2))
        texts[name] = "".join(pieces)
    pairs = table(rows)
    with Genome.from_dict(texts) as genome:
        features = read_features(pairs, genome)
    got = composition(features, np.arange(60), np.arange(60, 120))
    assert metrics.auroc(pairs["label"].iloc[60:], got) > 0.99
    shuffled = pairs.assign(label=rng.permutation(pairs["label"]))
    with Genome.from_dict(texts) as genome:
        other = composition(read_features(shuffled, genome), np.arange(60), np.arange(60, 120))
    assert metrics.auroc(shuffled["label"].iloc[60:], other) < 0.75


def test_composition_needs_a_genome():
    with pytest.raises(ValueError, match="without a genome"):
        composition(read_features(scattered(7, 20)), np.arange(10), np.arange(10, 20))


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda each: each.name)
def test_where_nothing_tells_pairs_apart_every_baseline_says_nothing(baseline):
    # Alike in length, distance and bases, with elements of their own: the rate is all there is, and is left out.
    rows = [("chr1", 10_000 * number, 10_000 * number + 5000, int(number % 4 == 0)) for number in range(40)]
    rows += [("chr2", 10_000 * number, 10_000 * number + 5000, 0) for number in range(7)]
    pairs = table([(chrom, enhancer + 5000, promoter + 5000, label) for chrom, enhancer, promoter, label in rows])
    with Genome.from_dict({"chr1": "A" * 500_000, "chr2": "A" * 500_000}) as genome:
        features = read_features(pairs, genome)
    got = baseline.predict(features, np.arange(40), np.arange(40, 47))
    assert got == pytest.approx(np.zeros(7), abs=1e-3)
    if not baseline.reads_sequence and baseline.name != "length and distance":
        assert got.tolist() == [0] * 7


@pytest.mark.parametrize("baseline", BLIND, ids=lambda each: each.name)
def test_test_labels_are_not_read(baseline):
    pairs = scattered(8, 200)
    train, test = np.arange(150), np.arange(150, 200)
    turned = pairs.assign(label=np.where(np.arange(200) < 150, pairs["label"], 1 - pairs["label"]))
    before, after = (baseline.predict(read_features(each), train, test) for each in (pairs, turned))
    np.testing.assert_array_equal(before, after)
