"""Clusters of segments: folding of strands, the rank, and what is refused."""

import numpy as np
import pytest

from epidyn.errors import ConfigError
from epidyn.interpret.clusters import rank_clusters, word_frequencies


def test_strands_share_their_vector() -> None:
    forward, reverse = word_frequencies(["AACGTTCGGA", "TCCGAACGTT"])
    np.testing.assert_array_equal(forward, reverse)


def test_words_of_different_letters_stay_apart() -> None:
    table = word_frequencies(["AAAA", "CCCC", "ACAC", "AGAG"])
    assert table.shape == (4, 32)
    assert len(np.unique(table, axis=0)) == 4


def test_case_is_ignored_and_unknown_bases_are_left_out() -> None:
    table = word_frequencies(["aaaNccc", "AAAnCCC", "NNNN", "AC"])
    np.testing.assert_array_equal(table[0], table[1])
    assert sorted(table[0])[-2:] == [0.5, 0.5]
    assert not table[2:].any()


def test_rank_is_size_times_mean_importance() -> None:
    sequences = ["AAAAAA", "GCGCGC", "AAAAAA", "GCGCGC", "AAAAAA"]
    found = rank_clusters(sequences, [1.0, 2.0, 1.0, 4.0, 1.0], 2)
    assert [cluster.members for cluster in found] == [(1, 3), (0, 2, 4)]
    assert [cluster.score for cluster in found] == [6.0, 3.0]


def test_segments_alike_are_never_parted() -> None:
    assert [c.members for c in rank_clusters(["ACGT"] * 3, [1.0] * 3, 2)] == [(0, 1, 2)]


def test_one_segment_is_one_cluster() -> None:
    assert [c.members for c in rank_clusters(["ACGT"], [0.5], 1)] == [(0,)]


@pytest.mark.parametrize(("count", "said"), [(0, "at least 1"), (3, "2 important segments cannot make 3")])
def test_impossible_numbers_are_refused(count: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rank_clusters(["ACGT", "GGGG"], [1.0, 1.0], count)
