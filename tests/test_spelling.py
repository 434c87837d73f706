"""A chromosome is one, spelt ``1`` or ``chr1``, for what groups or joins; what is written keeps its spelling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import crossval, training
from epidyn.audit import audit
from epidyn.audit.baselines import BASELINES
from epidyn.audit.features import read_features
from epidyn.controls import shuffle_labels
from epidyn.elements import ROLES, interval_hashes, place_numbers
from epidyn.errors import PairTableError, SplitError
from epidyn.evaluation import evaluate
from epidyn.leakage import measure
from epidyn.pairs import read_pairs, refuse_two_labels, validate
from epidyn.scores import read_scores
from epidyn.spans import window_spans
from epidyn.splits import folds, make_split
from epidyn.training.config import RunConfig

Build = Callable[..., RunConfig]

CHROM = [f"{role}_chrom" for role in ROLES]


def bare(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: table[name].str.removeprefix("chr") for name in CHROM})


def mixed(table: pd.DataFrame) -> pd.DataFrame:
    """Every second row spelt without ``chr``, the first one among them."""
    second = np.arange(len(table)) % 2 == 1
    return table.assign(**{name: table[name].where(second, bare(table)[name]) for name in CHROM})


SPELT = pytest.mark.parametrize("spelt", [bare, mixed])


@pytest.fixture(scope="module")
def pairs(simulated: Path) -> pd.DataFrame:
    return read_pairs(simulated / "pairs.csv")


@SPELT
@pytest.mark.parametrize("split", ["random", "chromosome:chr2", "chromosome:2", "chromosome-kfold:3", "loco"])
def test_the_same_split(pairs: pd.DataFrame, spelt: Callable[[pd.DataFrame], pd.DataFrame], split: str):
    fold = {"chromosome-kfold:3": "1", "loco": "chr3"}.get(split)
    one, other = (make_split(table, split, fold=fold, seed=3) for table in (pairs, spelt(pairs)))
    assert (one.parts == other.parts).all()
    assert {"train", "validation", "test"} <= set(other.parts)
    leaked = [measure(table, one, window_spans(table)) for table in (pairs, spelt(pairs))]
    assert leaked[0] == leaked[1]


@SPELT
def test_validation_and_fold_take_either_spelling(
    pairs: pd.DataFrame, spelt: Callable[[pd.DataFrame], pd.DataFrame]
):
    for name in ("3", "chr3"):
        made = make_split(spelt(pairs), "loco", f"chromosome:{name}", fold="chr1", seed=0)
        assert ((made.parts == "validation") == (pairs["promoter_chrom"] == "chr3")).all()
        assert ((made.parts == "test") == (pairs["promoter_chrom"] == "chr1")).all()
    with pytest.raises(SplitError, match="'chr9' is unknown"):
        make_split(spelt(pairs), "loco", fold="chr9", seed=0)


def test_folds_are_named_as_the_table_first_spells_them(pairs: pd.DataFrame):
    assert list(folds(pairs, "loco")) == ["chr1", "chr2", "chr3", "chr4"]
    assert list(folds(bare(pairs), "loco")) == ["1", "2", "3", "4"]
    swapped = mixed(pairs).iloc[1:]
    first = swapped.groupby(swapped["promoter_chrom"].str[-1], sort=True)["promoter_chrom"].first()
    assert list(folds(swapped, "loco")) == first.tolist()
    assert sum(map(len, folds(swapped, "loco").values())) == len(swapped)


@SPELT
def test_elements_labels_and_baselines(pairs: pd.DataFrame, spelt: Callable[[pd.DataFrame], pd.DataFrame]):
    other = spelt(pairs)
    assert (interval_hashes(pairs) == interval_hashes(other)).all()
    assert (place_numbers(pairs) == place_numbers(other)).all()
    assert (shuffle_labels(pairs, seed=1)["label"] == shuffle_labels(other, seed=1)["label"]).all()
    test = np.arange(0, len(pairs), 5)
    train = np.setdiff1d(np.arange(len(pairs)), test)
    one, two = read_features(pairs), read_features(other)
    for baseline in BASELINES:
        if not baseline.reads_sequence:
            assert (baseline.predict(one, train, test) == baseline.predict(two, train, test)).all()


@SPELT
def test_the_same_audit(pairs: pd.DataFrame, spelt: Callable[[pd.DataFrame], pd.DataFrame]):
    found = [asdict(audit(table, splits=2, draws=100)) for table in (pairs, spelt(pairs))]
    assert [each["pairs"] for each in found[0]["facts"]["chromosomes"]] == [
        each["pairs"] for each in found[1]["facts"]["chromosomes"]
    ]
    numbers = [[each["held_out"]["pooled"] for each in one["baselines"]] for one in found]
    assert numbers[0] == numbers[1]


def test_a_pair_on_one_chromosome_that_it_spells_twice(pairs: pd.DataFrame):
    table = pairs.head(3).assign(enhancer_chrom=pairs["promoter_chrom"].str.removeprefix("chr"))
    assert validate(table, "t")["enhancer_chrom"].tolist() == table["enhancer_chrom"].tolist()
    with pytest.raises(PairTableError, match="one chromosome is needed"):
        validate(table.assign(enhancer_chrom="7"), "t")


def test_two_labels_of_one_pair_in_two_spellings(pairs: pd.DataFrame):
    row = pairs.head(1).assign(cell_line="A")
    twice = pd.concat([row, bare(row).assign(label=1 - row["label"])], ignore_index=True)
    with pytest.raises(PairTableError, match="1 pair has both labels"):
        refuse_two_labels(twice)


def test_predictions_keep_the_spelling_of_a_mixed_table(pairs: pd.DataFrame, tmp_path: Path, toy_config: Build):
    """The genome says chr1; without one place for spellings chr1 would be tested by a model that has seen 1."""
    table = mixed(pairs)
    table.to_csv(tmp_path / "mixed.csv", index=False)
    config = toy_config(
        data={"pairs": str(tmp_path / "mixed.csv")},
        split={"split": "loco", "validation": "auto"},
        training={"epochs": 1, "copies": 0},
    )
    crossval.crossval(config, tmp_path / "cv")
    scores = read_scores(tmp_path / "cv" / "predictions.tsv")
    assert (scores[CHROM] == table[CHROM]).all(axis=None)
    of_chromosome = pairs["promoter_chrom"].str[-1]
    assert (scores["fold"].str[-1] == of_chromosome).all()
    for name in scores["fold"].unique():
        run = tmp_path / "cv" / "folds" / name
        assert "Leakage" not in (run / "log.txt").read_text("utf-8")
        parts = pd.read_csv(run / "split.tsv", sep="\t")["part"]
        assert set(of_chromosome[parts == "test"]) == {name[-1]}
        assert name[-1] not in set(of_chromosome[parts != "test"])
    # The original table, in whatever spelling, is the table of these scores.
    for each in (pairs, bare(pairs), table):
        report = audit(each, scores=scores, splits=2, draws=100)
        assert report.model is not None
        assert (report.model.pairs, report.model.folds) == (len(pairs), 4)
        other = scores.assign(**{name: each[name] for name in CHROM})
        assert evaluate(scores, other, draws=100).compared is not None
    # One fold alone says the same.
    training.train(
        config.model_copy(update={"split": config.split.model_copy(update={"fold": "chr2"})}), tmp_path / "run"
    )
    alone = read_scores(tmp_path / "run" / "predictions.tsv")
    pd.testing.assert_series_equal(
        alone["probability"], scores["probability"][of_chromosome == "2"].reset_index(drop=True), rtol=1e-5
    )
