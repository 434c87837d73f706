"""Sites, their threshold by enumeration, and enrichment that base composition alone must not give."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from epidyn.genome import encode, reverse_complement
from epidyn.interpret.enrichment import base_scores, enrichment, holds_site, site_threshold

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
    found = enrichment([sharp("GATTACA"), sharp("CCCCCCC")], important, controls, EVEN)
    assert found[["hits", "segments", "control_hits", "control_segments"]].values.tolist() == [
        [6, 10, 1, 10],
        [0, 10, 0, 10],
    ]
    p = stats.hypergeom.sf(5, 20, 7, 10)
    assert found["p"].tolist() == pytest.approx([p, 1.0])
    assert found["q"].tolist() == pytest.approx([2 * p, 1.0])


def rich(rng: np.random.Generator, count: int, gc: float) -> list[np.ndarray]:
    shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return [rng.choice(4, 24, p=shares).astype(np.uint8) for _ in range(count)]


def test_a_gc_rich_background_passes_against_unmatched_controls_alone():
    """What the matching of controls is for: a motif of G and C in segments that hold nothing but G and C."""
    motif, passed = [sharp("GGGCGGGG")], {"matched": 0, "unmatched": 0}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        important = rich(rng, 150, 0.75)
        for name, gc in (("matched", 0.75), ("unmatched", 0.41)):
            passed[name] += bool(enrichment(motif, important, rich(rng, 150, gc), UNEVEN)["q"][0] < 0.05)
    assert passed["unmatched"] >= 15
    assert passed["matched"] <= 3


def test_a_planted_motif_passes_against_matched_controls():
    rng = np.random.default_rng(0)
    important, controls = rich(rng, 150, 0.6), rich(rng, 150, 0.6)
    for number in range(0, 150, 3):
        word = encode("TGACTCAG")
        important[number][5:13] = word if number % 2 else reverse_complement(word)
    found = enrichment([sharp("TGACTCAG")], important, controls, UNEVEN)
    assert found["hits"][0] >= 50
    assert found["q"][0] < 1e-4


def test_no_motif_gives_no_row():
    assert enrichment([], [encode("ACGT")], [encode("ACGT")], EVEN).empty
