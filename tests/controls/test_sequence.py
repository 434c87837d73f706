"""Shuffled sequences: dinucleotides stay, every arrangement is equally likely, identity is kept."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from epidyn.controls import SequenceShuffle, shuffle_dinucleotides
from epidyn.controls import sequence as module
from tests.pairs.tables import UNHURRIED

bases = st.lists(st.integers(0, 3), min_size=1, max_size=60)


def generators(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, number]) for number in range(count)]


def dinucleotides(codes: list[int]) -> Counter[tuple[int, int]]:
    return Counter(pairwise(codes))


@UNHURRIED
@given(st.lists(bases, min_size=1, max_size=9), st.integers(0, 5))
def test_keeps_dinucleotides_and_both_ends(sequences: list[list[int]], seed: int):
    before = [np.array(each, dtype=np.uint8) for each in sequences]
    after = shuffle_dinucleotides(before, generators(len(before), seed))
    for sequence, codes in zip(sequences, after, strict=True):
        assert codes.dtype == np.uint8
        assert dinucleotides(codes.tolist()) == dinucleotides(sequence)
        assert (len(codes), codes[0], codes[-1]) == (len(sequence), sequence[0], sequence[-1])


@pytest.mark.parametrize("text", ["ACAGATC", "AACCAACA", "TGTCTATG", "ACGTACGTC", "GGGG", "ACGACGA", "CATCATTA"])
def test_every_sequence_with_these_dinucleotides_is_equally_likely(text: str):
    sequence = ["ACGT".index(letter) for letter in text]
    wanted = dinucleotides(sequence)
    possible = {each for each in permutations(sequence) if dinucleotides(list(each)) == wanted}
    draws = 400 * len(possible)
    many = shuffle_dinucleotides([np.array(sequence, dtype=np.uint8)] * draws, generators(draws))
    found = Counter(tuple(codes.tolist()) for codes in many)
    assert set(found) == possible
    if len(possible) > 1:
        assert chisquare(list(found.values())).pvalue > 1e-4


def store() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elements of several lengths behind each other, N at ends and inside; the first and the last are alike."""
    rng = np.random.default_rng(8)
    elements = [rng.integers(0, 4, length) for length in (90, 1, 300, 71, 300)]
    elements[0][[0, 1, 40, 41, 42, 89]] = 4
    elements[3][:] = 4
    elements.append(elements[0])
    lengths = np.array([len(each) for each in elements])
    return np.concatenate(elements).astype(np.uint8), np.cumsum(lengths) - lengths, lengths


def test_runs_of_n_stay_and_each_stretch_between_them_keeps_its_dinucleotides():
    codes, starts, lengths = store()
    before = codes.copy()
    SequenceShuffle(1)(codes, starts, lengths)
    assert ((codes == 4) == (before == 4)).all()
    for start, length in zip(starts, lengths, strict=True):
        one, other = before[start : start + length].tolist(), codes[start : start + length].tolist()
        assert dinucleotides(one) == dinucleotides(other)
    for first, end in ((2, 40), (43, 89)):
        assert dinucleotides(before[first:end].tolist()) == dinucleotides(codes[first:end].tolist())
        assert before[first:end].tolist() != codes[first:end].tolist()
    assert 0.5 < (before != codes)[before < 4].mean() < 0.9


def test_an_element_becomes_the_same_in_any_company():
    """Whatever lies before it, and however many walk together; another seed makes another sequence of it."""
    codes, starts, lengths = store()
    together, other = codes.copy(), codes.copy()
    SequenceShuffle(1)(together, starts, lengths)
    SequenceShuffle(2)(other, starts, lengths)
    for start, length in zip(starts, lengths, strict=True):
        alone = codes[start : start + length].copy()
        SequenceShuffle(1)(alone, np.array([0]), np.array([length]))
        assert (alone == together[start : start + length]).all()
    assert (together[:90] == together[-90:]).all()
    assert (together != other).any()


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch):
    codes, starts, lengths = store()
    whole, parts = codes.copy(), codes.copy()
    SequenceShuffle(1)(whole, starts, lengths)
    monkeypatch.setattr(module, "_AT_ONCE", 100)
    SequenceShuffle(1)(parts, starts, lengths)
    assert (whole == parts).all()


def test_what_has_no_bases_is_left_alone():
    nothing = np.full(7, 4, dtype=np.uint8)
    SequenceShuffle(1)(nothing, np.array([0, 3]), np.array([3, 4]))
    assert (nothing == 4).all()
