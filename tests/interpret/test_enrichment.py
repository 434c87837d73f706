"""Sites, their threshold by enumeration, and enrichment that base composition alone must not give."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from epidyn.genome import encode, reverse_complement
from epidyn.interpret.enrichment import base_scores, enrichment, holds_site, matched_p, site_threshold

EVEN = np.full(4, 0.25)
UNEVEN = np.array([0.3, 0.2, 0.2, 0.3])


def sharp(word: str, share: float = 0.85) -> np.ndarray:
    frequencies = np.full((len(word), 4), (1 - share) / 3)
    frequencies[np.arange(len(word)), encode(word)] = share
    return frequencies


@pytest.mark.parametrize("site_p", [0.3, 0.02, 1e-3])
def test_the_threshold_is_that_of_all_words_counted(site_p: float):
    scores = base_scores(np.random.default_rng(0).dirichlet(np.ones(4), 6), UNEVEN)
    words = np.array(list(product(range(4), repeat=6)))
    chance = UNEVEN[words].prod(axis=1)
    of_word = scores[np.arange(6), words].sum(axis=1)
    threshold = site_threshold(scores, UNEVEN, site_p)
    assert chance[of_word >= threshold].sum() <= site_p
    lower = of_word[of_word < threshold].max()
    assert chance[of_word >= lower].sum() > site_p


def test_the_best_word_is_a_site_however_frequent():
    scores = base_scores(sharp("ACG"), EVEN)
    assert site_threshold(scores, EVEN, 1e-3) == scores.max(axis=1).sum()


def test_sites_on_both_strands_at_the_ends_and_none_over_n():
    scores = base_scores(sharp("GATTACA"), EVEN)
    threshold = site_threshold(scores, EVEN, 1e-3)
    texts = ["GATTACACC", "CCGATTACA", "TGTAATCCC", "GATTANACC", "CCCCCCCCC", "GATTAC"]
    assert holds_site([encode(text) for text in texts], scores, threshold).tolist() == [True] * 3 + [False] * 3


def test_counts_p_and_q_by_hand():
    site, other = encode("AAGATTACATT"), encode("AAAAAAAAAAA")
    important, controls = [site] * 6 + [other] * 4, [site] + [other] * 9
    # Five sets of a segment with a site and a control without; one, the first, where both have one; four with
    # none; and an eleventh segment that has a site and no control, which says nothing.
    important = [*important, site]
    found = enrichment([sharp("GATTACA"), sharp("CCCCCCC")], important, controls, np.arange(10), EVEN)
    counts = ["hits", "segments", "control_hits", "control_segments", "expected"]
    assert found[counts].values.tolist() == [[6, 10, 1, 10, 3.5], [0, 10, 0, 10, 0]]
    p = 0.5**5  # five sets of which chance would take either; the first gives a hit whichever it takes
    assert found["p"].tolist() == pytest.approx([p, 1.0])
    assert found["q"].tolist() == pytest.approx([2 * p, 1.0])


def test_p_of_sets_of_several_sizes_is_that_of_all_outcomes():
    chance = np.array([0.5, 0.25, 1.0, 0.0, 2 / 3])
    outcomes = np.array(list(product((0, 1), repeat=5)))
    weight = np.where(outcomes == 1, chance, 1 - chance).prod(axis=1)
    for hits in range(6):
        assert matched_p(hits, chance) == pytest.approx(weight[outcomes.sum(axis=1) >= hits].sum())


def test_p_is_right_where_composition_goes_with_the_number_of_controls():
    """Rich segments, which hold the motif by chance more often, have one control each, poor ones five."""
    motif, low = [sharp("GGGCGGGG")], 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        important = rich(rng, 60, 0.8) + rich(rng, 60, 0.4)
        controls = rich(rng, 60, 0.8) + rich(rng, 300, 0.4)
        segment = np.concatenate([np.arange(60), np.repeat(np.arange(60, 120), 5)])
        low += bool(enrichment(motif, important, controls, segment, UNEVEN, site_p=1e-2)["p"][0] < 0.05)
    assert low <= 7  # 3 expected


def rich(rng: np.random.Generator, count: int, gc: float) -> list[np.ndarray]:
    shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return [rng.choice(4, 24, p=shares).astype(np.uint8) for _ in range(count)]


def test_a_gc_rich_background_passes_against_unmatched_controls_alone():
    """What the matching of controls is for: a motif of G and C in segments that hold nothing but G and C."""
    motif, passed = [sharp("GGGCGGGG")], {"matched": 0, "unmatched": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        important = rich(rng, 150, 0.75)
        for name, gc in (("matched", 0.75), ("unmatched", 0.41)):
            found = enrichment(motif, important, rich(rng, 150, gc), np.arange(150), UNEVEN)
            passed[name] += bool(found["q"][0] < 0.05)
    assert passed["unmatched"] >= 30
    assert passed["matched"] <= 6  # 2 expected


def test_a_planted_motif_passes_against_matched_controls():
    rng = np.random.default_rng(0)
    important, controls = rich(rng, 150, 0.6), rich(rng, 150, 0.6)
    for number in range(0, 150, 3):
        word = encode("TGACTCAG")
        important[number][5:13] = word if number % 2 else reverse_complement(word)
    found = enrichment([sharp("TGACTCAG")], important, controls, np.arange(150), UNEVEN)
    assert found["hits"][0] >= 50
    assert found["q"][0] < 1e-4


def test_no_motif_gives_no_row():
    assert enrichment([], [encode("ACGT")], [encode("ACGT")], np.array([0]), EVEN).empty
