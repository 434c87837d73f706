from __future__ import annotations

import numpy as np
import pytest

from epidyn.errors import ConfigError
from epidyn.kmer_training import neighbour_agreement, sanity
from epidyn.kmer_training.words import REVERSE_COMPLEMENT, reverse_complements
from epidyn.kmers import VOCABULARY, initial_vectors, read_vectors
from tests.conftest import DATA, needs_data


def random_vectors(seed: int, dimensions: int = 30) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((VOCABULARY, dimensions)).astype(np.float32)
    vectors[0] = 0
    return vectors


def test_vectors_drawn_at_random_have_no_likeness():
    found = sanity(random_vectors(0))
    for closeness in (found.reverse_complements, found.one_base_neighbours, found.shifted_by_one):
        assert closeness.closer == pytest.approx(0.5, abs=0.03)
        assert closeness.cosine == pytest.approx(0, abs=0.02)
    assert found.standard_deviation == pytest.approx(1, abs=0.01)


def test_strands_with_one_vector_are_closest():
    vectors = random_vectors(1)
    vectors = vectors + vectors[REVERSE_COMPLEMENT]
    found = sanity(vectors)
    assert found.reverse_complements.cosine == pytest.approx(1, abs=1e-5)
    assert found.reverse_complements.closer > 0.999  # a random pair may be two strands, too
    assert found.one_base_neighbours.closer == pytest.approx(0.5, abs=0.03)


def test_strands_with_opposite_vectors_are_complained_of():
    vectors = random_vectors(2)
    pairs = reverse_complements()
    vectors[pairs[:, 1]] = -vectors[pairs[:, 0]]
    complaints = sanity(vectors).complaints()
    assert "reverse complements are no closer than random pairs of 6-mers" in complaints


def test_all_is_well_with_vectors_made_alike():
    assert sanity(initial_vectors(seed=3)).complaints() == []


def test_words_without_a_vector_are_left_out():
    vectors = initial_vectors(seed=4)
    vectors[reverse_complements()[:, 1]] = 0
    found = sanity(vectors)
    assert (found.reverse_complements.pairs, found.reverse_complements.cosine) == (0, None)
    assert 0 < found.one_base_neighbours.pairs < 36864 / 2
    assert found.standard_deviation == pytest.approx(0.337, rel=0.05)
    with pytest.raises(ConfigError, match="0 6-mers have a vector"):
        sanity(np.zeros_like(vectors))


def test_agreement_of_neighbourhoods():
    vectors = random_vectors(5)
    rotation = np.linalg.qr(np.random.default_rng(6).standard_normal((30, 30)))[0].astype(np.float32)
    assert neighbour_agreement(vectors, 3 * vectors @ rotation) > 0.99
    assert neighbour_agreement(vectors, random_vectors(7)) == pytest.approx(10 / 4095, rel=0.4)


def test_agreement_over_the_words_that_both_know():
    vectors = random_vectors(8)
    part = vectors.copy()
    part[20:] = 0
    assert neighbour_agreement(vectors, part) == 1
    with pytest.raises(ConfigError, match="19 6-mers in common; more than 19"):
        neighbour_agreement(vectors, part, 19)


@needs_data
def test_dna2vec():
    found = sanity(read_vectors(DATA / "dna2vec" / "embedding_matrix.npy"))
    assert found.complaints() == []
    assert found.one_base_neighbours.closer > 0.98
    assert found.standard_deviation == pytest.approx(0.3375, abs=1e-3)
