"""The compiled scan against the plain one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from epidyn.genome import reverse_complement
from epidyn.motif_scores import MotifScanner, SitesCount
from epidyn.motif_scores.plain import best_scores, occupancy, site_scores

Codes = npt.NDArray[np.uint8]


def random_matrices(widths: list[int], seed: int = 0) -> list[npt.NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(width, 4)) for width in widths]


@pytest.fixture(scope="module")
def codes() -> Codes:
    """Sequences with N nowhere, alone, in runs, at either end, nearly everywhere, everywhere."""
    made = np.random.default_rng(1).integers(0, 4, (9, 83)).astype(np.uint8)
    made[1, 40] = 4
    made[2, [0, 82]] = 4
    made[3, 20:31] = 4
    made[4, :9] = made[4, 60:] = 4
    made[5, ::7] = 4
    made[6, 2:] = 4
    made[7] = 4
    return made


@pytest.mark.parametrize("sites", [1, 2, 3, 4])
def test_agrees_with_the_plain_twin(codes: Codes, sites: int):
    # Widths on both sides of each multiple of 6, more matrices than fit a block, and one longer than a sequence.
    matrices = random_matrices([*range(1, 27), 90, *(9 for _ in range(140))])
    found = MotifScanner(matrices, sites=sites).scores(codes)
    assert found.shape == (9, 167)
    expected = [[best_scores(each, matrix, sites).sum() for matrix in matrices] for each in codes]
    assert found == pytest.approx(np.array(expected), abs=1e-3, rel=1e-5)


@pytest.mark.parametrize("length", [1, 3, 5, 6, 7, 11, 12])
def test_agrees_in_short_sequences(codes: Codes, length: int):
    matrices = random_matrices([1, 4, 6, 7, 12, 13])
    found = MotifScanner(matrices, sites=4).scores(codes[:, :length])
    expected = [[best_scores(each[:length], matrix, 4).sum() for matrix in matrices] for each in codes]
    assert found == pytest.approx(np.array(expected), abs=1e-4)


def test_all_sites_agree_with_the_plain_twin(codes: Codes):
    matrices = [0.4 * each for each in random_matrices([*range(1, 27), 90, *(9 for _ in range(140))])]
    found = MotifScanner(matrices, sites="all").scores(codes)
    expected = [[occupancy(each, matrix) ** 0.25 for matrix in matrices] for each in codes]
    assert found == pytest.approx(np.array(expected), rel=1e-4)
    assert (found[7] == 0).all()  # nothing but N


@pytest.mark.parametrize("length", [1, 3, 5, 6, 7, 11, 12])
def test_all_sites_agree_in_short_sequences(codes: Codes, length: int):
    matrices = random_matrices([1, 4, 6, 7, 12, 13])
    found = MotifScanner(matrices, sites="all").scores(codes[:, :length])
    expected = [[occupancy(each[:length], matrix) ** 0.25 for matrix in matrices] for each in codes]
    assert found == pytest.approx(np.array(expected), rel=1e-4)


def test_odds_of_a_very_wide_matrix_stay_finite():
    site = np.random.default_rng(2).integers(0, 4, 97).astype(np.uint8)
    matrix = np.where(np.arange(4) == site[:, None], 1.2, -3.0)
    codes = np.stack([np.r_[site, site, [0, 4, 1]], np.r_[[4, 0], site, [4]][np.arange(197) % 100]]).astype(
        np.uint8
    )
    scores = MotifScanner([matrix, matrix[:5]], sites="all").scores(codes)
    assert np.isfinite(scores).all()
    assert (scores[:, 0] > 1e7).all()


def test_odds_by_hand():
    matrix = np.log(np.array([[2.0, 1, 1, 0.5], [1, 3, 1, 0.25]]))
    # AC: 2 x 3 ahead, as GT behind 1 x 0.25; CG: 1 x 1 both ways; GT: 1 x 0.25, as AC 6; N: none
    assert occupancy(np.array([0, 1, 2, 3, 4, 0], dtype=np.uint8), matrix) == pytest.approx(6.25 + 2 + 6.25)


def test_a_site_by_hand():
    matrix = np.array([[1.0, 0, 0, -1], [0, 2, 0, -3]])  # best: AC, or GT on the other strand
    scores = site_scores(np.array([0, 1, 2, 3, 4, 0, 1], dtype=np.uint8), matrix)
    # AC 3; CG 0 (other strand the same); GT as AC 3; TN, NA lowest -4; AC 3
    assert scores.tolist() == [3, 0, 3, -4, -4, 3]
    assert best_scores(np.array([0, 1], dtype=np.uint8), matrix, 3).tolist() == [3, -4, -4]


@pytest.mark.parametrize("sites", [4, "all"])
def test_strands_are_alike(codes: Codes, sites: SitesCount):
    scanner = MotifScanner(random_matrices([4, 9, 15]), sites=sites)
    assert scanner.scores(reverse_complement(codes)) == pytest.approx(scanner.scores(codes), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("sites", [4, "all"])
def test_the_number_of_threads_changes_no_bit(codes: Codes, sites: SitesCount):
    scanner = MotifScanner(random_matrices([9] * 200), sites=sites)
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            found.append(scanner.scores(codes))
    finally:
        torch.set_num_threads(threads)
    assert (found[0] == found[1]).all()


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="1 to 4"):
        MotifScanner(random_matrices([3]), sites=5)
    with pytest.raises(ValueError, match="one or more"):
        MotifScanner([])
