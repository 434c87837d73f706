from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from epidyn.controls import shuffle_labels


@pytest.fixture
def pairs() -> pd.DataFrame:
    """Three chromosomes whose rows lie mixed; chr9 has positives alone. The index is no range."""
    rng = np.random.default_rng(5)
    chrom = rng.permutation(["chr1"] * 83 + ["chr2"] * 41 + ["chr9"] * 7)
    share = {"chr1": 0.5, "chr2": 0.2, "chr9": 1.0}
    label = (rng.random(131) < [share[name] for name in chrom]).astype(np.int8)
    table = pd.DataFrame({"promoter_chrom": chrom, "enhancer_start": np.arange(131), "label": label})
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
