"""Folds of whole chromosomes: every pair tested once, nothing trained on its own chromosome."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epidyn.errors import SplitError
from epidyn.pairs import read_pairs
from epidyn.splits import folds, make_split
from tests.conftest import needs_data
from tests.pairs.tables import UNHURRIED
from tests.splits.test_split import chromosomes, counts, table

HUMAN = ["chr10", "chr2", "chrX", "chr1", "chr21"]


@st.composite
def on_chromosomes(draw: st.DrawFn) -> pd.DataFrame:
    """Pairs in any order on 2 to 12 chromosomes of any size."""
    sizes = draw(st.lists(st.integers(1, 40), min_size=2, max_size=12))
    names = [f"chr{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return table([1, 0] * (len(names) // 2) + [1] * (len(names) % 2), draw(st.permutations(names)))


@UNHURRIED
@given(on_chromosomes(), st.integers(2, 12))
def test_every_row_is_in_one_fold_and_no_chromosome_in_two(pairs: pd.DataFrame, most: int):
    names = set(pairs["promoter_chrom"])
    count = min(most, len(names))
    for split, expected in (("loco", names), (f"chromosome-kfold:{count}", set(map(str, range(count))))):
        made = folds(pairs, split)
        assert set(made) == expected
        assert all((np.diff(rows) > 0).all() and len(rows) for rows in made.values())
        assert sorted(chain.from_iterable(made.values())) == list(range(len(pairs)))
        held = Counter(chain.from_iterable(set(pairs["promoter_chrom"].iloc[rows]) for rows in made.values()))
        assert set(held.values()) == {1}


@UNHURRIED
@given(on_chromosomes())
def test_folds_do_not_follow_the_order_of_rows(pairs: pd.DataFrame):
    turned = pairs.iloc[::-1]
    for split in ("loco", "chromosome-kfold:2"):
        one, other = folds(pairs, split), folds(turned, split)
        assert list(one) == list(other)
        for name, rows in one.items():
            assert set(pairs.index[rows]) == set(turned.index[other[name]])


def test_loco_goes_through_chromosomes_in_natural_order():
    assert list(folds(chromosomes(3, *HUMAN), "loco")) == ["chr1", "chr2", "chr10", "chr21", "chrX"]


def test_kfold_gives_the_largest_first_to_the_emptiest():
    sizes = {"chr1": 50, "chr2": 40, "chr3": 30, "chr4": 20, "chr5": 20, "chr6": 5}
    pairs = pd.concat([chromosomes(size, name) for name, size in sizes.items()])
    made = {
        name: sorted(set(pairs["promoter_chrom"].iloc[rows]))
        for name, rows in folds(pairs, "chromosome-kfold:3").items()
    }
    assert made == {"0": ["chr1", "chr6"], "1": ["chr2", "chr5"], "2": ["chr3", "chr4"]}


@needs_data
def test_five_folds_of_a_real_table_are_equal_within_five_percent(data: Path):
    pairs = read_pairs(data / "targetfinder" / "GM12878.csv.gz")
    sizes = [len(rows) for rows in folds(pairs, "chromosome-kfold:5").values()]
    assert sum(sizes) == 44_313
    assert max(sizes) / min(sizes) < 1.05


@pytest.mark.parametrize(("split", "fold"), [("loco", "chr3"), ("chromosome-kfold:4", "1")])
def test_a_fold_is_the_test_part_and_validation_is_whole_chromosomes(split: str, fold: str):
    pairs = chromosomes(20, *(f"chr{number}" for number in range(9)))
    made = make_split(pairs, split, fold=fold, seed=1)
    assert made.rows("test").tolist() == folds(pairs, split)[fold].tolist()
    assert (made.kind, made.fold) == (split, fold)
    assert set(made.table()["fold"]) == {fold}
    on = [set(pairs["promoter_chrom"].iloc[made.rows(part)]) for part in ("train", "validation", "test")]
    assert sum(map(len, on)) == len(set.union(*on)) == 9
    assert made.validation == "chromosome:" + ",".join(sorted(on[1]))


def test_a_fold_with_one_label_is_allowed():
    pairs = chromosomes(20, "chr1", "chr2", "chr3", "chr4")
    pairs.loc[(pairs["promoter_chrom"] == "chr2").to_numpy(), "label"] = 0
    assert counts(pairs, make_split(pairs, "loco", fold="chr2", seed=1), "test") == (0, 20)


MIXED = chromosomes(30, "chr1", "chr2", "chr3")


@pytest.mark.parametrize(
    ("pairs", "split", "fold", "message"),
    [
        (MIXED, "loco", None, "--split loco has 3 folds; choose one with --fold: chr1, chr2, chr3. `epidyn cross"),
        (MIXED, "loco", "chr9", "--fold 'chr9' is unknown; --split loco has chr1, chr2, chr3."),
        (MIXED, "chromosome-kfold:2", None, "has 2 folds; choose one with --fold: 0, 1."),
        (MIXED, "chromosome-kfold:2", "2", "--fold '2' is unknown; --split chromosome-kfold:2 has 0, 1."),
        (
            MIXED,
            "chromosome-kfold:4",
            "0",
            "asks for 4 folds; the table has 3 chromosomes (chr1, chr2, chr3). Give",
        ),
        (MIXED, "chromosome-kfold:1", "0", "a number of folds from 2 on is needed, as in chromosome-kfold:5"),
        (MIXED, "chromosome-kfold", "0", "a number of folds from 2 on is needed"),
        (MIXED, "chromosome-kfold:-3", "0", "a number of folds from 2 on is needed"),
        (MIXED, "chromosome-kfold:two", "0", "a number of folds from 2 on is needed"),
        (
            chromosomes(30, "chr1"),
            "loco",
            "chr1",
            "--split loco needs two chromosomes or more; the table has chr1.",
        ),
        (
            MIXED,
            "random",
            "chr1",
            "--fold chr1 has no meaning under --split random; splits with folds are loco and",
        ),
        (MIXED, "chromosome:chr1", "chr1", "--fold chr1 has no meaning under --split chromosome:chr1"),
        (MIXED, "loc", "chr1", "--split 'loc' is unknown; allowed are random"),
        (chromosomes(30, "chr1", "chr2"), "loco", "chr1", "the table has chr2 alone"),
    ],
)
def test_folds_that_cannot_be_made_are_told(pairs: pd.DataFrame, split: str, fold: str | None, message: str):
    with pytest.raises(SplitError, match=re.escape(message).replace(r"\.\*", ".*")):
        make_split(pairs, split, fold=fold, seed=1)


@pytest.mark.parametrize("split", ["random", "chromosome:chr1", "column", "nonsense"])
def test_a_split_without_folds_has_none_to_list(split: str):
    with pytest.raises(SplitError, match=f"--split {split} has no folds; splits with folds are loco"):
        folds(MIXED, split)
