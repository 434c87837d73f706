from __future__ import annotations

import numpy as np
import pytest
from Bio import motifs

from epidyn.genome import decode
from epidyn.simulate.motifs import load_motifs

from .toys import BACKGROUND, MEME, best_score, information, log_odds, published_frequencies

MOTIFS = load_motifs()
EVERY = (*MOTIFS.enhancer, *MOTIFS.promoter, *MOTIFS.decoys)


def test_every_position_of_every_matrix_is_read():
    assert {motif.matrix for motif in EVERY} == set(published_frequencies())
    for motif in EVERY:
        other = np.array([published_frequencies()[motif.matrix][base] for base in "ACGT"]).T
        np.testing.assert_allclose(motif.frequencies, other, atol=2e-6)
        np.testing.assert_allclose(motif.frequencies.sum(axis=1), 1, atol=1e-12)


def test_other_software_reads_the_file():
    with MEME.open(encoding="utf-8") as handle:
        others = motifs.parse(handle, "minimal")
    assert {other.name: other.length for other in others} == {
        motif.matrix: len(motif.frequencies) for motif in EVERY
    }


def test_six_classes_have_two_different_matrices_and_four_decoys_have_none_of_them():
    assert [motif.family for motif in MOTIFS.enhancer] == ["AP-1", "STAT", "AP-2", "SP1", "NF-Y", "E2F"]
    assert [motif.family for motif in MOTIFS.promoter] == [motif.family for motif in MOTIFS.enhancer]
    assert len({motif.matrix for motif in EVERY}) == 16
    assert all(information(motif.matrix) > 9 for motif in EVERY)


def test_each_family_lists_its_planted_matrices_and_shares_none():
    families = MOTIFS.families["families"]
    members = [matrix for family in families for matrix in family["members"]]
    assert len(members) == len(set(members))
    assert all({family["enhancer"], family["promoter"]} <= set(family["members"]) for family in families)
    assert not {motif.matrix for motif in MOTIFS.decoys} & set(members)


@pytest.mark.parametrize("motif", EVERY, ids=lambda motif: motif.matrix)
def test_sampled_bases_are_as_frequent_as_the_matrix_says(motif):
    drawn = motif.sample(np.random.default_rng(5), 4000)
    assert drawn.dtype == np.uint8
    seen = np.stack([(drawn == code).mean(axis=0) for code in range(4)], axis=1)
    np.testing.assert_allclose(seen, motif.frequencies, atol=0.04)  # 5 standard errors at 0.5


def test_the_relative_score_is_the_share_of_the_best_score_and_never_negative():
    motif = MOTIFS.enhancer[3]
    best = (motif.frequencies / list(BACKGROUND.values())).argmax(axis=1)
    drawn = motif.sample(np.random.default_rng(6), 50)
    shares = [1000 * log_odds(decode(site), motif.matrix) / best_score(motif.matrix) for site in drawn]
    assert motif.relative_score(best[None].astype(np.uint8)).tolist() == [1000]
    np.testing.assert_allclose(motif.relative_score(drawn), np.maximum(0, shares), atol=0.51)


def test_an_instance_worse_than_background_scores_0():
    motif = MOTIFS.enhancer[0]
    worst = np.where(motif.frequencies > 0, motif.frequencies, 2).argmin(axis=1).astype(np.uint8)
    assert log_odds(decode(worst), motif.matrix) < 0
    assert motif.relative_score(worst[None]).tolist() == [0]
