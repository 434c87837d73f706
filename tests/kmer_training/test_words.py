from __future__ import annotations

from epidyn.kmer_training.words import (
    REVERSE_COMPLEMENT,
    one_base_neighbours,
    reverse_complements,
    shifted,
    spelled,
)


def test_words_by_token():
    assert spelled([1, 2, 434, 4096]) == ["AAAAAA", "AAAAAC", "ACGTAC", "TTTTTT"]


def test_other_strand():
    assert spelled(REVERSE_COMPLEMENT[[1, 2, 434]]) == ["TTTTTT", "GTTTTT", "GTACGT"]
    assert REVERSE_COMPLEMENT[0] == 0


def test_reverse_complements_are_all_but_the_palindromes_once():
    pairs = reverse_complements()
    complement = str.maketrans("ACGT", "TGCA")
    one, two = spelled(pairs[:, 0]), spelled(pairs[:, 1])
    assert [word.translate(complement)[::-1] for word in one] == two
    assert len(set(one) | set(two)) == 2 * len(pairs) == 4096 - 64


def test_one_base_neighbours_are_all_of_them_once():
    pairs = one_base_neighbours()
    one, two = spelled(pairs[:, 0]), spelled(pairs[:, 1])
    assert {sum(a != b for a, b in zip(*words, strict=True)) for words in zip(one, two, strict=True)} == {1}
    assert len({frozenset(words) for words in zip(one, two, strict=True)}) == len(pairs) == 4096 * 18 // 2


def test_shifted_words_overlap_by_five_bases():
    pairs = shifted()
    one, two = spelled(pairs[:, 0]), spelled(pairs[:, 1])
    assert all(a[1:] == b[:-1] for a, b in zip(one, two, strict=True))
    assert len(set(zip(one, two, strict=True))) == len(pairs) == 4 * 4096 - 4
