from __future__ import annotations

import numpy as np
import pytest

from epidyn.simulate import RULES, configure
from epidyn.simulate.grammar import PROPENSITY, draw_grammar


def grammar(seed=0, **settings):
    return draw_grammar(np.random.default_rng(seed), configure(settings))


def test_promoters_are_shared_by_as_many_pairs_as_asked():
    drawn = grammar(pairs_per_chromosome=11, pairs_per_promoter=4)
    assert np.bincount(drawn.promoter).tolist() == [4, 4, 3]
    assert drawn.enhancers.classes.shape == (11, 4)
    assert drawn.promoters.classes.shape == (3, 4)


@pytest.mark.parametrize("rule", RULES)
def test_the_positive_fraction_is_kept_whatever_the_rule(rule):
    weights = {name: float(name == rule) for name in RULES}
    drawn = grammar(pairs_per_chromosome=6000, positive_fraction=0.05, pairs_per_promoter=5, **weights)
    assert drawn.label.mean() == pytest.approx(0.05, abs=0.003)


def test_a_fraction_of_a_pair_is_positive_as_often_as_it_should_be():
    labels = [grammar(seed, pairs_per_chromosome=1, positive_fraction=0.3).label[0] for seed in range(1000)]
    assert np.mean(labels) == pytest.approx(0.3, abs=0.06)


def test_mixed_weights_give_the_mixture_and_a_promoter_keeps_its_rule():
    drawn = grammar(
        pairs_per_chromosome=9000,
        pairs_per_promoter=3,
        presence=2,
        pairing=3,
        propensity=5,
        positive_fraction=0.4,
    )
    shares = np.bincount(drawn.rule, minlength=3) / 9000
    np.testing.assert_allclose(shares, [0.2, 0.3, 0.5], atol=0.04)
    assert all(len(set(rules)) == 1 for rules in drawn.rule.reshape(-1, 3))
    for rule in range(3):
        assert drawn.label[drawn.rule == rule].mean() == pytest.approx(0.4, abs=0.05)


def test_pairs_that_do_not_interact_have_every_two_different_classes_equally_often():
    drawn = grammar(pairs_per_chromosome=9000, presence=0, pairing=1, classes=4, pairs_per_promoter=3)
    enhancer, promoter = drawn.enhancers.classes[:, 0], drawn.promoters.classes[drawn.promoter, 0]
    counts = np.zeros((4, 4), dtype=int)
    np.add.at(counts, (enhancer, promoter), 1 - drawn.label)
    assert np.diag(counts).tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(counts[~np.eye(4, dtype=bool)] / 4500, 1 / 12, atol=0.02)


@pytest.mark.parametrize("purity", [0.0, 0.6, 1.0])
def test_purity_is_the_share_of_promoters_with_one_label(purity):
    drawn = grammar(
        pairs_per_chromosome=10_000, pairs_per_promoter=10, presence=0, propensity=1, propensity_purity=purity
    )
    assert set(drawn.rule) == {PROPENSITY}
    pure = np.ptp(drawn.label.reshape(-1, 10), axis=1) == 0
    # one in 512 of the others has one label by chance
    assert pure.mean() == pytest.approx(purity, abs=0.05)
