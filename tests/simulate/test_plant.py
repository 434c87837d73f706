"""What is planted is where the truth says, and nothing overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epidyn.simulate import configure, simulate
from epidyn.simulate.plant import draw_background

from .toys import best_score, information, log_odds, published_frequencies, read_sites, simulated


def test_background_has_human_composition():
    drawn = draw_background(np.random.default_rng(0), 200_000)
    assert drawn.dtype == np.uint8
    np.testing.assert_allclose(np.bincount(drawn) / 200_000, [0.295, 0.205, 0.205, 0.295], atol=0.005)


def test_every_motif_in_the_truth_is_in_the_genome_on_its_strand():
    simulation = simulated(pairs_per_chromosome=400)
    truth = simulation.truth[simulation.truth["kind"] != "scrambled"]
    sites = read_sites(simulation, truth)
    matrices = truth["name"].str.split("|").str[0].to_numpy()
    scores = np.array([log_odds(site, matrix) for site, matrix in zip(sites, matrices, strict=True)])
    assert len(set(matrices)) == 16
    for matrix in set(matrices):
        for strand in "+-":
            of_matrix = scores[(matrices == matrix) & (truth["strand"] == strand).to_numpy()]
            error = of_matrix.std() / np.sqrt(len(of_matrix))
            assert len(of_matrix) > 50
            assert abs(of_matrix.mean() - information(matrix)) < 4.5 * error
    for site, matrix in zip(sites, matrices, strict=True):
        frequencies = published_frequencies()[matrix]
        assert all(frequencies[base][place] > 0 for place, base in enumerate(site))


def test_scrambled_instances_have_the_bases_but_not_the_order():
    simulation = simulated(positive_fraction=0.5, decoys=0, pairs_per_chromosome=600)
    sites = read_sites(simulation, simulation.truth)
    kinds = simulation.truth["kind"].to_numpy()
    gc = np.array([(site.count("G") + site.count("C")) / len(site) for site in sites])
    real, scrambled = kinds == "motif", kinds == "scrambled"
    assert min(real.sum(), scrambled.sum()) > 5000
    assert gc[real].mean() == pytest.approx(gc[scrambled].mean(), abs=0.015)
    best = np.array([max(log_odds(site, matrix) for matrix in of_width(len(site))) for site in sites])
    assert best[real].mean() > 10
    assert best[scrambled].mean() < 3


def of_width(width):
    return [matrix for matrix, shares in published_frequencies().items() if len(shares["A"]) == width]


def test_score_is_the_share_of_the_best_score_and_strands_are_even():
    simulation = simulated()
    truth = simulation.truth
    sites = read_sites(simulation, truth)
    for site, row in zip(sites, truth.itertuples(), strict=True):
        expected, matrix = 0.0, row.name.split("|")[0]
        if row.kind != "scrambled":
            expected = 1000 * max(0.0, log_odds(site, matrix)) / best_score(matrix)
        assert row.score == pytest.approx(expected, abs=0.6)
    assert (truth["strand"] == "+").mean() == pytest.approx(0.5, abs=0.05)


@given(
    instances=st.integers(1, 6),
    decoys=st.integers(0, 3),
    classes=st.integers(2, 6),
    pairs=st.integers(1, 12),
    share=st.integers(1, 3),
    weights=st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)).filter(any),
    enhancer_length=st.integers(310, 900),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_instances_lie_in_their_element_and_never_overlap(
    instances, decoys, classes, pairs, share, weights, enhancer_length, seed
):
    pairs = max(pairs, share)
    presence, pairing, propensity = weights if share > 1 else (*weights[:2], 0)
    simulation = simulate(
        configure(
            {
                "chromosomes": 2,
                "pairs_per_chromosome": pairs,
                "pairs_per_promoter": share,
                "instances": instances,
                "decoys": decoys,
                "classes": classes,
                "presence": presence or float(not (pairing or propensity)),
                "pairing": pairing,
                "propensity": propensity,
                "enhancer_length": enhancer_length,
                "promoter_length": 330,
                "seed": seed,
            }
        )
    )
    truth = simulation.truth
    elements = {}
    for role in ("enhancer", "promoter"):
        columns = simulation.pairs[[f"{role}_{part}" for part in ("name", "chrom", "start", "end")]]
        elements |= {name: place for name, *place in columns.itertuples(index=False)}
    assert truth["element_name"].value_counts().to_dict() == dict.fromkeys(elements, instances + decoys)
    for chrom, codes in simulation.chromosomes.items():
        taken = np.zeros(len(codes), dtype=int)
        for row in truth[truth["chrom"] == chrom].itertuples():
            home, start, end = elements[row.element_name]
            assert home == chrom
            assert start <= row.start < row.end <= end
            taken[row.start : row.end] += 1
        assert taken.max() == 1
        assert codes.max() <= 3
    assert (truth["kind"] == "decoy").sum() == decoys * len(elements)
