"""The motif finder against planted motifs, and against an EM written out letter by letter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from epidyn.errors import ConfigError, ShapeError
from epidyn.genome import encode, reverse_complement
from epidyn.interpret import finder
from epidyn.interpret.finder import background_of, find_motif


def matrix_of(word: str, sharpness: float) -> np.ndarray:
    frequencies = np.full((len(word), 4), (1 - sharpness) / 3)
    frequencies[np.arange(len(word)), encode(word)] = sharpness
    return frequencies


def planted(frequencies, count, *, share=1.0, length=(20, 41), seed=0):
    """Sequences with one site each, either strand, and where the sites are."""
    rng = np.random.default_rng(seed)
    sequences, truth = [], []
    for _ in range(count):
        sequence = rng.integers(0, 4, rng.integers(*length)).astype(np.uint8)
        if rng.random() < share:
            site = np.array([rng.choice(4, p=row) for row in frequencies], dtype=np.uint8)
            at, turned = int(rng.integers(0, len(sequence) - len(site) + 1)), bool(rng.random() < 0.5)
            sequence[at : at + len(site)] = reverse_complement(site) if turned else site
            truth.append((at, turned))
        else:
            truth.append(None)
        sequences.append(sequence)
    return sequences, truth


def alike(found, wanted) -> float:
    """Highest correlation of log-odds over shifts and strands, with at least five columns in common."""
    best = -1.0
    for each in (found, found[::-1, ::-1]):
        for shift in range(-len(each) + 5, len(wanted) - 4):
            low, high = max(0, shift), min(len(wanted), shift + len(each))
            if high - low >= 5:
                one, other = each[low - shift : high - shift].ravel(), wanted[low:high].ravel()
                best = max(best, float(np.corrcoef(one, other)[0, 1]))
    return best


@pytest.mark.parametrize("word", ["TGACTCAT", "GGCGGGAACCT"])
def test_a_strong_motif_is_found_with_its_sites_and_width(word: str):
    wanted = matrix_of(word, 0.9)
    sequences, truth = planted(wanted, 120, share=0.8)
    motif = find_motif(sequences)
    assert motif is not None
    assert alike(motif.frequencies, wanted) > 0.95
    assert abs(len(motif.frequencies) - len(word)) <= 2
    assert motif.share == pytest.approx(0.8, abs=0.15)
    covered = 0
    for row, start in zip(motif.sites.tolist(), motif.starts.tolist(), strict=True):
        place = truth[row]
        covered += place is not None and abs(start + len(motif.frequencies) / 2 - place[0] - len(word) / 2) <= 2
    assert covered > 0.8 * sum(each is not None for each in truth)


def test_both_strands_of_a_site_are_one():
    wanted = matrix_of("AACCGTGA", 0.95)
    sequences, truth = planted(wanted, 60, seed=4)
    motif = find_motif(sequences, widths=(8, 8))
    assert motif is not None
    turned = np.array([truth[row][1] for row in motif.sites])
    assert abs(np.corrcoef(turned, motif.reverse)[0, 1]) > 0.9


def test_noise_scores_far_below_a_motif():
    strong, _ = planted(matrix_of("TGACTCAT", 0.9), 100, seed=1)
    noise, _ = planted(matrix_of("TGACTCAT", 0.9), 100, share=0.0, seed=1)
    assert find_motif(strong).score > find_motif(noise).score + 100


def test_a_step_of_em_is_that_of_the_plain_sum():
    """One expectation, written out sequence by sequence and place by place."""
    frequencies, background, share = matrix_of("ACGTT", 0.6), np.array([0.3, 0.2, 0.2, 0.3]), 0.4
    sequences, _ = planted(frequencies, 5, length=(7, 12), seed=2)
    state = finder._expect(finder._windows(sequences, 5), frequencies, share, background)
    likelihood, posterior = 0.0, []
    for sequence in sequences:
        ratios = []
        for strand in (sequence, None):
            for start in range(len(sequence) - 4):
                window = sequence[start : start + 5]
                window = window if strand is not None else reverse_complement(window)
                ratios.append(
                    math.prod(frequencies[place, base] / background[base] for place, base in enumerate(window))
                )
        total = 1 - share + share / len(ratios) * sum(ratios)
        likelihood += math.log(total)
        posterior += [share / len(ratios) * ratio / total for ratio in ratios]
    assert state.likelihood == pytest.approx(likelihood, rel=1e-12)
    np.testing.assert_allclose(state.posterior, posterior, rtol=1e-10)


def test_n_is_in_no_site_and_short_sequences_are_passed_over():
    sequences = [encode("ACGTNACGTACC"), encode("AC"), encode("NNNNNNNN"), encode("TTACGTACCA")]
    motif = find_motif(sequences, widths=(6, 6))
    assert motif is not None
    assert set(motif.sites.tolist()) <= {0, 3}
    assert find_motif([encode("ACGTNNNN"), encode("AC")], widths=(6, 8)) is None
    assert find_motif([], widths=(6, 8)) is None


def test_the_same_input_gives_the_same_motif():
    sequences, _ = planted(matrix_of("TGACTCAT", 0.7), 50, seed=3)
    one, other = find_motif(sequences), find_motif(sequences)
    np.testing.assert_array_equal(one.frequencies, other.frequencies)


def test_the_background_is_the_same_on_both_strands():
    assert background_of([encode("AAAAAAAAGG" * 50)]) == pytest.approx([0.4, 0.1, 0.1, 0.4], abs=0.01)


def test_refuses():
    with pytest.raises(ConfigError, match="widths 9 to 8"):
        find_motif([encode("ACGT")], widths=(9, 8))
    with pytest.raises(ShapeError, match="four frequencies"):
        find_motif([encode("ACGTACGT")], background=np.array([0.5, 0.5, 0.0, 0.0]))
