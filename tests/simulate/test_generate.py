"""Labels follow from the truth by the rule, and from nothing that should not tell them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from epidyn.pairs import validate
from epidyn.simulate import RULES, configure, simulate

from .toys import simulated, windows_of


def carried(simulation, kind):
    """Return for each element its classes (of ``kind``) as a set."""
    truth = simulation.truth[simulation.truth["kind"] == kind]
    return truth.groupby("element_name")["class"].agg(set).to_dict()


@pytest.mark.parametrize("share", [1, 3])
def test_presence_a_pair_interacts_if_both_elements_carry_real_motifs(share):
    simulation = simulated("presence", pairs_per_promoter=share, positive_fraction=0.3)
    real, scrambled = carried(simulation, "motif"), carried(simulation, "scrambled")
    assert not set(real) & set(scrambled)
    pairs = simulation.pairs
    expected = pairs["enhancer_name"].isin(real) & pairs["promoter_name"].isin(real)
    assert pairs["label"].tolist() == expected.astype(int).tolist()
    assert 0 < expected.mean() < 1


@pytest.mark.parametrize("classes", [2, 6])
def test_pairing_a_pair_interacts_if_the_classes_match(classes):
    simulation = simulated("pairing", classes=classes, pairs_per_promoter=2)
    real = carried(simulation, "motif")
    assert not carried(simulation, "scrambled")
    assert all(len(found) == 1 for found in real.values())
    pairs = simulation.pairs
    expected = [
        int(real[enhancer] == real[promoter])
        for enhancer, promoter in zip(pairs["enhancer_name"], pairs["promoter_name"], strict=True)
    ]
    assert pairs["label"].tolist() == expected
    assert len(set.union(*real.values())) == classes


def test_enhancers_and_promoters_of_a_class_carry_different_matrices():
    truth = simulated("presence", pairs_per_chromosome=400).truth
    planted = truth[truth["kind"] == "motif"].groupby(["class", "role"])["name"].agg(set)
    assert len(planted) == 12
    assert all(len(names) == 1 for names in planted)
    assert len(set.union(*planted)) == 12


def test_propensity_plants_no_motif_but_decoys():
    simulation = simulated("propensity", pairs_per_promoter=5)
    assert set(simulation.truth["kind"]) == {"scrambled", "decoy"}


@pytest.mark.parametrize("role", ["enhancer", "promoter"])
def test_pairing_one_element_alone_says_nothing(role):
    simulation = simulated("pairing", pairs_per_chromosome=1000, pairs_per_promoter=2, positive_fraction=0.3)
    real = carried(simulation, "motif")
    classes = simulation.pairs[f"{role}_name"].map(lambda name: next(iter(real[name])))
    table = pd.crosstab(classes, simulation.pairs["label"])
    assert table.shape == (6, 2)
    assert chi2_contingency(table).pvalue > 0.001


@pytest.mark.parametrize("rule", ["presence", "pairing"])
def test_decoys_are_the_same_whatever_the_label(rule):
    simulation = simulated(rule, pairs_per_chromosome=600)
    decoys = simulation.truth[simulation.truth["kind"] == "decoy"]
    label = simulation.pairs.set_index("enhancer_name")["label"]
    decoys = decoys[decoys["role"] == "enhancer"]
    table = pd.crosstab(decoys["class"], decoys["element_name"].map(label))
    assert table.shape == (4, 2)
    assert chi2_contingency(table).pvalue > 0.001


def composition(simulation):
    """Return the share of each base in both windows of each pair, shape (pairs, 8)."""
    sides = [windows_of(simulation, role) for role in ("enhancer", "promoter")]
    return np.stack([(codes == base).mean(axis=1) for codes in sides for base in range(4)], axis=1)


@pytest.mark.parametrize("rule", ["presence", "pairing"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_base_composition_alone_scores_under_0_6(rule, seed):
    simulation = simulated(rule, chromosomes=6, pairs_per_chromosome=300, seed=seed)
    features, label = composition(simulation), simulation.pairs["label"].to_numpy()
    held_out = simulation.pairs["enhancer_chrom"].isin(["chr5", "chr6"]).to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(features[~held_out], label[~held_out])
    auroc = roc_auc_score(label[held_out], model.predict_proba(features[held_out])[:, 1])
    assert max(auroc, 1 - auroc) < 0.6


def identity_auroc(simulation):
    """Score each pair of a random half by the label rate of its promoter in the other half."""
    pairs = simulation.pairs
    known = np.random.default_rng(0).random(len(pairs)) < 0.5
    rate = pairs[known].groupby("promoter_name")["label"].mean()
    scores = pairs.loc[~known, "promoter_name"].map(rate).fillna(pairs.loc[known, "label"].mean())
    return roc_auc_score(pairs.loc[~known, "label"], scores)


@pytest.mark.parametrize(
    ("rule", "low", "high"), [("propensity", 0.85, 1), ("presence", 0.44, 0.56), ("pairing", 0.44, 0.56)]
)
def test_identity_predicts_under_propensity_only(rule, low, high):
    assert low < identity_auroc(simulated(rule, pairs_per_chromosome=600, pairs_per_promoter=5)) < high


@pytest.mark.parametrize("rule", RULES)
def test_distance_and_element_length_say_nothing(rule):
    pairs = simulated(rule, pairs_per_chromosome=600, pairs_per_promoter=2).pairs
    for clue in (
        (pairs["enhancer_start"] - pairs["promoter_start"]).abs(),
        pairs["enhancer_end"] - pairs["enhancer_start"],
        pairs["promoter_end"] - pairs["promoter_start"],
    ):
        assert 0.44 < roc_auc_score(pairs["label"], clue) < 0.56


def test_a_mixture_names_each_pairs_rule_and_each_rule_holds():
    simulation = simulated("presence", pairing=1.0, propensity=2.0, pairs_per_promoter=2, pairs_per_chromosome=400)
    pairs = simulation.pairs
    shares = pairs["rule"].value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({"presence": 0.25, "pairing": 0.25, "propensity": 0.5}, abs=0.06)
    real = carried(simulation, "motif")
    for row in pairs.itertuples():
        enhancer, promoter = real.get(row.enhancer_name), real.get(row.promoter_name)
        if row.rule == "pairing":
            assert row.label == int(enhancer == promoter)
        elif row.rule == "presence":
            assert row.label == int(enhancer is not None and promoter is not None)
        else:
            assert enhancer is None
            assert promoter is None


def test_the_pair_table_is_valid_as_it_is():
    pairs = simulated().pairs
    pd.testing.assert_frame_equal(validate(pairs, "simulated"), pairs)
    assert pairs["enhancer_name"].is_unique
    assert pairs.groupby("promoter_name")[["promoter_chrom", "promoter_start"]].nunique().max().max() == 1


def test_the_truth_is_sorted_and_its_scores_fit_bed():
    truth = simulated().truth
    order = truth["chrom"].str.removeprefix("chr").astype(int) * 10**9 + truth["start"]
    assert order.is_monotonic_increasing
    assert truth["score"].between(0, 1000).all()
    assert truth.index.tolist() == list(range(len(truth)))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    np.random.seed(3)  # noqa: NPY002  the global state, which must not be read or moved
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    settings = {"chromosomes": 2, "pairs_per_chromosome": 5, "enhancer_length": 600, "promoter_length": 500}
    first, again, other = (simulate(configure({**settings, "seed": seed})) for seed in (7, 7, 8))
    longer = simulate(configure({**settings, "seed": 7, "chromosomes": 3}))
    for same in (again, longer):
        for chrom, codes in first.chromosomes.items():
            np.testing.assert_array_equal(same.chromosomes[chrom], codes)
    pd.testing.assert_frame_equal(first.pairs, again.pairs)
    pd.testing.assert_frame_equal(first.truth, again.truth)
    assert not np.array_equal(other.chromosomes["chr1"], first.chromosomes["chr1"])
    assert not np.array_equal(first.chromosomes["chr1"], first.chromosomes["chr2"])
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
