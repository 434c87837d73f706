from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from epidyn.controls import shuffle_labels
from epidyn.controls.labels import distance_bins


@pytest.fixture
def pairs() -> pd.DataFrame:
    """Three chromosomes whose rows lie mixed; chr9 has positives alone. The index is no range."""
    rng = np.random.default_rng(5)
    chrom = rng.permutation(["chr1"] * 83 + ["chr2"] * 41 + ["chr9"] * 7)
    share = {"chr1": 0.5, "chr2": 0.2, "chr9": 1.0}
    label = (rng.random(131) < [share[name] for name in chrom]).astype(np.int8)
    table = pd.DataFrame({"promoter_chrom": chrom, "label": label})
    for role, start in (("enhancer", rng.integers(0, 900, 131)), ("promoter", rng.integers(0, 900, 131))):
        table = table.assign(**{f"{role}_start": start, f"{role}_end": start + 31})
    return table.set_index(np.arange(131) * 3 + 11)


def test_each_chromosome_keeps_its_number_of_positives(pairs: pd.DataFrame):
    shuffled = shuffle_labels(pairs, seed=1)
    for _, rows in pairs.groupby("promoter_chrom"):
        assert shuffled["label"][rows.index].sum() == rows["label"].sum()


def test_labels_move_and_nothing_else(pairs: pd.DataFrame):
    before = pairs.copy()
    shuffled = shuffle_labels(pairs, seed=1)
    pd.testing.assert_frame_equal(pairs, before)
    pd.testing.assert_frame_equal(shuffled.drop(columns="label"), pairs.drop(columns="label"))
    assert shuffled["label"].dtype == pairs["label"].dtype
    for name in ("chr1", "chr2"):
        there = pairs["promoter_chrom"] == name
        assert (shuffled["label"][there] != pairs["label"][there]).any()


def test_every_row_of_a_chromosome_can_get_a_positive(pairs: pd.DataFrame):
    got = sum(shuffle_labels(pairs, seed=seed)["label"].to_numpy() for seed in range(60))
    mixed = pairs["promoter_chrom"].to_numpy() != "chr9"
    assert ((got > 0) & (got < 60))[mixed].all()


def test_a_seed_is_one_permutation(pairs: pd.DataFrame):
    once = shuffle_labels(pairs, seed=3)
    pd.testing.assert_frame_equal(once, shuffle_labels(pairs, seed=np.random.default_rng(3)))
    assert (once["label"] != shuffle_labels(pairs, seed=4)["label"]).any()


def test_each_bin_of_a_chromosome_keeps_its_number_of_positives(pairs: pd.DataFrame):
    shuffled = shuffle_labels(pairs, seed=1)
    distance = (pairs["enhancer_start"] - pairs["promoter_start"]).abs()
    for name, bins in (("chr1", 4), ("chr2", 2), ("chr9", 1)):
        there = pairs["promoter_chrom"] == name
        quantile = pd.qcut(distance[there], bins, labels=False)
        assert quantile.nunique() == bins
        for each in range(bins):
            rows = quantile.index[quantile == each]
            assert shuffled["label"][rows].sum() == pairs["label"][rows].sum()


def test_distance_keeps_what_it_says_about_the_label():
    """Only near pairs interact: after shuffling too, and the labels still move."""
    near = np.arange(1000) < 200
    table = pd.DataFrame({"promoter_chrom": "chr1", "label": (near & (np.arange(1000) % 2 == 0)).astype(np.int8)})
    for role, start in (("enhancer", np.arange(1000) * 100), ("promoter", np.zeros(1000, dtype=np.int64))):
        table = table.assign(**{f"{role}_start": start, f"{role}_end": start + 50})
    shuffled = shuffle_labels(table, seed=1)["label"].to_numpy()
    assert shuffled[near].sum() == 100
    assert shuffled[~near].sum() == 0
    assert (shuffled != table["label"]).sum() > 50


@pytest.mark.parametrize(("pairs", "bins"), [(1, 1), (39, 1), (40, 2), (99, 4), (100, 5), (5000, 5)])
def test_a_bin_holds_at_least_twenty_pairs(pairs: int, bins: int):
    found = distance_bins(np.random.default_rng(0).permutation(pairs))
    assert found.min() == 0
    counts = np.bincount(found)
    assert len(counts) == bins
    assert counts.max() - counts.min() <= 1


def test_pairs_of_one_distance_are_in_one_bin():
    assert set(distance_bins(np.array([7] * 150 + [9] * 50))[:150].tolist()) == {0}
    assert len(np.unique(distance_bins(np.full(500, 3)))) == 1
