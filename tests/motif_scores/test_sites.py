"""Where best sites are, against the plain twin and a site placed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from epidyn.motif_scores.plain import best_scores, occupancy, site_scores
from epidyn.motif_scores.sites import find_occupied, find_sites

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("length", [5, 6, 8, 61])
@pytest.mark.parametrize("width", [1, 6])
def test_scores_and_places_are_those_of_the_twin(length: int, width: int):
    codes, weights = RNG.integers(0, 5, length).astype(np.uint8), RNG.normal(size=(width, 4))
    found = find_sites(codes, weights, 4)
    there = max(0, min(4, length - width + 1))
    assert len(found.start) == len(found.reverse) == len(found.score) == there
    np.testing.assert_allclose(found.score, best_scores(codes, weights, 4)[:there], rtol=1e-12)
    if there:
        np.testing.assert_allclose(site_scores(codes, weights)[found.start], found.score, rtol=1e-12)
    assert len(set(found.start.tolist())) == there


@pytest.mark.parametrize("reverse", [False, True])
def test_a_site_is_found_on_its_strand(reverse: bool):
    site = np.array([0, 0, 1, 2, 1], dtype=np.uint8)  # AACGC
    weights = np.where(np.arange(4) == site[:, None], 2.0, -1.0)
    codes = np.full(23, 3, dtype=np.uint8)
    codes[7:12] = (3 - site)[::-1] if reverse else site
    found = find_sites(codes, weights, 1)
    assert (found.start.tolist(), found.reverse.tolist(), found.score.tolist()) == ([7], [reverse], [10.0])


def test_a_site_of_a_palindrome_is_on_no_other_strand():
    site = np.array([0, 1, 2, 3], dtype=np.uint8)  # ACGT
    weights = np.where(np.arange(4) == site[:, None], 2.0, -1.0)
    assert find_sites(site, weights, 1).reverse.tolist() == [False]


@pytest.mark.parametrize("length", [5, 6, 8, 61])
@pytest.mark.parametrize("width", [1, 6])
def test_odds_are_those_of_the_twin(length: int, width: int):
    codes, weights = RNG.integers(0, 5, length).astype(np.uint8), RNG.normal(size=(width, 4))
    sites, odds, total = find_occupied(codes, weights, 1000)
    assert total == pytest.approx(occupancy(codes, weights))
    assert odds.sum() == pytest.approx(total)
    assert (np.diff(odds) <= 0).all()
    for start, score in zip(sites.start, sites.score, strict=True):
        assert codes[start : start + width].max() <= 3
        assert score == pytest.approx(site_scores(codes, weights)[start])
    assert len(find_occupied(codes, weights, 2)[1]) == min(2, len(odds))
