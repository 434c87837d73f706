from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import metrics, write_pairs
from epidyn.audit.baselines import BASELINES, Baseline, identity
from epidyn.audit.comparison import ModelScores, compare_with_model
from epidyn.audit.features import Features, read_features
from epidyn.errors import EpidynError, PairTableError, SplitError
from epidyn.scores import read_scores, with_scores
from tests.audit.tables import propensity, scattered, table

BLIND = [each for each in BASELINES if not each.reads_sequence]


def scores_of(pairs: pd.DataFrame, rows: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """What read_scores gives for some rows of a table; values are probabilities."""
    chosen = pairs.iloc[rows].reset_index(drop=True)
    return with_scores(chosen, values, values)


def compared(pairs: pd.DataFrame, scores: pd.DataFrame, baselines: list[Baseline] | None = None) -> ModelScores:
    return compare_with_model(
        pairs, read_features(pairs), scores, BLIND if baselines is None else baselines, draws=300, seed=0
    )


def some_rows(pairs: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """A fifth of the rows, in no order."""
    return np.random.default_rng(seed).permutation(len(pairs))[: len(pairs) // 5]


def probabilities(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def test_a_model_that_is_a_baseline_is_explained_whole_and_does_not_beat_it():
    pairs = propensity(1)
    test = some_rows(pairs)
    train = np.setdiff1d(np.arange(len(pairs)), test)
    own = identity(read_features(pairs), train, test)
    found = compared(pairs, scores_of(pairs, test, probabilities(own)))
    assert (found.best, found.trained_on, found.pairs) == ("identity", len(train), len(test))
    assert found.positives == pairs["label"].iloc[test].sum()
    best = found.best_baseline()
    assert best.explained == 1
    for each in best.compared.values():
        assert (each.difference, each.p) == (0, 1)
    assert found.baselines[0].scores["aupr"] == found.scores["aupr"]


def test_a_model_that_knows_more_beats_the_best_baseline():
    pairs = scattered(2, 1000, 6)
    test = some_rows(pairs)
    rng = np.random.default_rng(3)
    label = pairs["label"].to_numpy()[test]
    found = compared(pairs, scores_of(pairs, test, probabilities(1.5 * label + rng.standard_normal(len(test)))))
    best = found.best_baseline()
    assert best.explained is not None
    assert best.explained < 0.5
    assert best.compared["aupr"].difference > 0.1
    assert best.compared["aupr"].p < 0.01
    assert best.compared["aupr"].blocks == 6
    assert found.scores["auroc"].low > best.scores["auroc"].value


def test_a_perfect_model_is_compared_too():
    pairs = pd.concat([scattered(seed, 60, 1).replace("chr1", f"chr{seed}") for seed in range(1, 7)])
    test = np.flatnonzero(pairs["promoter_chrom"].isin(["chr1", "chr2", "chr3"]))
    found = compared(pairs, scores_of(pairs, test, pairs["label"].to_numpy(dtype=float)[test]))
    auroc = found.baselines[0].compared["auroc"]
    assert (found.baselines[0].name, found.baselines[0].explained) == ("identity", 0)
    assert (auroc.difference, auroc.low, auroc.high, auroc.p) == (0.5, 0.5, 0.5, 0)


def test_a_model_at_chance_has_nothing_to_explain():
    pairs = propensity(4)
    test = some_rows(pairs)
    found = compared(pairs, scores_of(pairs, test, np.full(len(test), 0.5)))
    assert found.scores["aupr"].value == pytest.approx(found.prevalence)
    assert [each.explained for each in found.baselines] == [None] * 3


def constant(value: Callable[[np.ndarray], np.ndarray]) -> Baseline:
    return Baseline("fixed", "", "", lambda features, train, test: value(features.label[test].astype(float)))


def test_what_a_baseline_explains_lies_between_nothing_and_all():
    pairs = scattered(2, 1000, 6)
    test = some_rows(pairs)
    label = pairs["label"].to_numpy()[test]
    model = probabilities(1.5 * label + np.random.default_rng(3).standard_normal(len(test)))
    knows_all, knows_the_contrary = (
        constant(lambda labels, sign=sign: sign * labels + np.linspace(0, 0.5, len(labels))) for sign in (1, -1)
    )
    found = compared(pairs, scores_of(pairs, test, model), [knows_all, knows_the_contrary])
    assert found.unexplained is None
    assert [each.explained for each in found.baselines] == [1, 0]
    assert found.baselines[1].scores["aupr"].value < found.prevalence


def test_nothing_is_explained_of_a_model_that_may_be_at_chance():
    pairs = scattered(2, 1000, 6)
    test = some_rows(pairs)
    label = pairs["label"].to_numpy()[test]
    model = probabilities(0.15 * label + np.random.default_rng(6).standard_normal(len(test)))
    found = compared(pairs, scores_of(pairs, test, model))
    aupr = found.scores["aupr"]
    assert aupr.low <= found.prevalence < aupr.value
    assert [each.explained for each in found.baselines] == [None] * 3
    assert f"({aupr.low:.3f} to {aupr.high:.3f}) reaches down to chance" in str(found.unexplained)


def test_base_composition_is_never_the_best_baseline_without_sequence():
    def oracle(features: Features, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return features.label[test].astype(float)

    pairs = propensity(5)
    test = some_rows(pairs)
    scores = scores_of(pairs, test, np.random.default_rng(1).random(len(test)))
    found = compared(pairs, scores, [*BLIND, Baseline("all-knowing", "", "", oracle, reads_sequence=True)])
    assert found.baselines[-1].scores["aupr"].value == 1
    assert found.best == "identity"


def test_two_chromosomes_are_too_few_to_draw():
    pairs = propensity(6, chromosomes=2)
    test = some_rows(pairs)
    found = compared(pairs, scores_of(pairs, test, np.random.default_rng(1).random(len(test))))
    assert found.scores["auroc"].blocks == found.best_baseline().compared["aupr"].blocks == 0


def asked_of(pairs: pd.DataFrame, scores: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    calls = []

    def predict(features: Features, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        calls.append((train, test))
        return np.zeros(len(test))

    compared(pairs, scores, [Baseline("blind", "", "", predict)])
    return calls[0]


def test_baselines_are_trained_on_what_the_scores_lack_and_asked_in_their_order():
    pairs = scattered(7, 60)
    rows = some_rows(pairs)
    train, test = asked_of(pairs, scores_of(pairs, rows, np.full(len(rows), 0.5)))
    assert test.tolist() == rows.tolist()
    assert train.tolist() == sorted(set(range(60)) - set(rows))


def test_no_copy_of_a_scored_pair_is_trained_on():
    pairs = pd.concat([scattered(8, 40), scattered(8, 40).iloc[:10]])
    rows = np.array([3, 45, *range(12, 30)])  # 45 is row 5 again
    train, test = asked_of(pairs, scores_of(pairs, rows, np.full(len(rows), 0.5)))
    assert test.tolist() == [3, 5, *range(12, 30)]
    assert train.tolist() == sorted(set(range(50)) - {*rows, 43, 5})


def test_a_pair_of_another_cell_line_is_another():
    one, other = scattered(9, 50).assign(cell_line="K562"), scattered(9, 50).assign(cell_line="NHEK")
    pairs = pd.concat([one, other.assign(label=1 - other["label"])])
    rows = np.arange(20, 40)
    train, test = asked_of(pairs, scores_of(pairs, rows, np.full(20, 0.5)))
    assert test.tolist() == rows.tolist()
    assert len(train) == 80
    # Scores that do not name cell lines are of either.
    rows = np.flatnonzero(np.arange(100) < 40)
    nameless = scores_of(pairs, rows, np.full(40, 0.5)).drop(columns="cell_line")
    assert len(asked_of(pairs, nameless)[0]) == 20


def without_their_rest(pairs: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """The table with nothing but positives beside the scored pairs."""
    asked = pairs.index.isin(pairs.index[ROWS])
    return pairs[asked | (pairs["label"] == 1)]


ROWS = np.arange(0, 60, 3)
BAD: dict[
    str, tuple[Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]], type, str, str]
] = {
    "a pair of another table": (
        lambda pairs, scores: (pairs, scores.assign(enhancer_end=scores["enhancer_end"] + (scores.index == 4))),
        PairTableError,
        r"^the scores: 1 of 20 scored pairs are not in the audited table .* trained and tested on",
        r"row 4: enhancer chr\d:\d+-\d+, promoter chr\d:\d+-\d+$",
    ),
    "another label": (
        lambda pairs, scores: (
            pairs,
            scores.assign(label=scores["label"].where(scores.index != 7, 1 - scores["label"])),
        ),
        PairTableError,
        r"^the scores: 1 of 20 scored pairs have another label",
        r"row 7: enhancer .*: label [01]$",
    ),
    "nothing left": (
        lambda pairs, scores: (pairs.iloc[ROWS], scores),
        SplitError,
        r"^the scores holds every pair.*scores of a test part",
        "",
    ),
    "one label left": (
        lambda pairs, scores: (without_their_rest(pairs, scores), scores),
        SplitError,
        r"^the pairs that it lacks all have label 1; both 0 and 1",
        "",
    ),
    "one label scored": (
        lambda pairs, scores: (pairs, scores[scores["label"] == 0]),
        SplitError,
        r"^the \d+ pairs of the scores all have label 0",
        "",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_scores_that_do_not_match_are_refused(case: str):
    pairs = scattered(10, 60)
    change, error, headline, row = BAD[case]
    changed, scores = change(pairs, scores_of(pairs, ROWS, np.full(20, 0.5)))
    with pytest.raises(error, match=headline) as caught:
        compared(changed, scores)
    assert isinstance(caught.value, EpidynError)
    assert len(caught.value.rows) == bool(row)
    if row:
        assert pd.Series(caught.value.rows).str.fullmatch(row.removesuffix("$")).all()


def test_the_scores_of_a_cross_validation_are_taken_fold_by_fold():
    pairs = propensity(4)
    rows = np.random.default_rng(2).permutation(len(pairs))
    fold = np.where(pairs["promoter_chrom"].to_numpy()[rows] == "chr1", "one", "other")
    scores = scores_of(pairs, rows, np.linspace(0.1, 0.9, len(rows))).assign(fold=fold)
    trained: list[set[int]] = []

    def seen(features: Features, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        trained.append(set(train.tolist()))
        assert not trained[-1] & set(test.tolist())
        return test.astype(float)

    spy = Baseline("spy", "everything", "nothing", seen)
    found = compared(pairs, scores, [spy])
    on_one = set(np.flatnonzero(pairs["promoter_chrom"] == "chr1").tolist())
    everything = set(range(len(pairs)))
    assert sorted(map(len, trained)) == sorted([len(on_one), len(pairs) - len(on_one)])
    assert {frozenset(each) for each in trained} == {frozenset(on_one), frozenset(everything - on_one)}
    assert (found.folds, found.trained_on) == (2, min(map(len, trained)))
    by_row = metrics.auroc(pairs["label"].to_numpy()[rows], rows)
    assert found.baselines[0].scores["auroc"].value == pytest.approx(by_row)


@pytest.mark.parametrize("covers", [True, False])
def test_a_column_fold_of_the_users_own_is_no_cross_validation(covers: bool):
    pairs = propensity(4)
    rows = np.arange(len(pairs)) if covers else np.flatnonzero(pairs["promoter_chrom"] == "chr1")
    values = np.linspace(0.1, 0.9, len(rows))
    # Not whole chromosomes, respectively not the whole table.
    scores = scores_of(pairs, rows, values).assign(fold=[str(row % 3) for row in rows])
    if covers:
        with pytest.raises(SplitError, match="holds every pair"):
            compared(pairs, scores)
        return
    plain = compared(pairs, scores.drop(columns="fold"))
    assert compared(pairs, scores) == plain
    assert plain.folds == 1


def test_scores_from_a_file_are_called_by_its_name(tmp_path: Path):
    pairs = table([(f"chr{number % 3}", 100 * number, 9 + 70 * number, number % 2) for number in range(40)])
    write_pairs(scores_of(pairs, np.arange(12), np.full(12, 0.5)), tmp_path / "mine.tsv")
    scores = read_scores(tmp_path / "mine.tsv")
    assert compared(pairs, scores).source == str(tmp_path / "mine.tsv")
    with pytest.raises(PairTableError, match=r"mine\.tsv: 1 of 12"):
        compared(pairs.iloc[1:], scores)
