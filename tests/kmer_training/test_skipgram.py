from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from epidyn import Genome
from epidyn.errors import ConfigError, GenomeError, InputFileError
from epidyn.genome import decode
from epidyn.kmer_training import Settings, train_vectors
from epidyn.kmer_training.words import REVERSE_COMPLEMENT, spelled
from tests.kmer_training.test_corpus import random_text

SMALL = Settings(dimensions=9, window=4, epochs=2, seed=5)
HASHED = """
import sys
from epidyn import Genome
from epidyn.kmer_training import Settings, train_vectors
settings = Settings(dimensions=9, window=4, epochs=2, seed=5)
vectors = train_vectors(Genome.from_dict({"a": sys.argv[1]}), settings).vectors
sys.stdout.buffer.write(vectors.tobytes())
"""


def genome(length: int = 12_000, seed: int = 1) -> Genome:
    return Genome.from_dict({"a": random_text(length, seed)})


@pytest.mark.parametrize("workers", [1, 2])
def test_words_that_occur_together_get_close_vectors(workers: int):
    """Two halves of a genome, each of 8 words of its own: a word is closer to those of its half."""
    rng = np.random.default_rng(0)
    halves = [[spelled([token])[0] for token in rng.choice(np.arange(1, 4097), 8, replace=False)] for _ in "12"]
    texts = ["".join(rng.choice(words, 3000)) for words in halves]
    trained = train_vectors(
        Genome.from_dict(dict(zip("ab", texts, strict=True))),
        Settings(dimensions=12, epochs=3, workers=workers, seed=1),
    )
    tokens = [[1 + int(word.translate(str.maketrans("ACGT", "0123")), 4) for word in words] for words in halves]
    units = [trained.vectors[each] / np.linalg.norm(trained.vectors[each], axis=1)[:, None] for each in tokens]
    within = np.mean([(each @ each.T)[np.triu_indices(8, 1)].mean() for each in units])
    assert within > (units[0] @ units[1].T).mean() + 0.2


def test_rows_are_tokens_and_words_seen_too_seldom_are_zeros():
    words = "ACGTTG" * 4 + "N" + "GGGGGGGGGG"
    trained = train_vectors(Genome.from_dict({"a": words}), SMALL)
    assert trained.vectors.shape == (4097, 9)
    assert trained.vectors.dtype == np.float32
    assert trained.words == 19 + 5
    known = np.flatnonzero(trained.vectors.any(axis=1))
    assert set(spelled(known)) == {"GGGGGG", "CCCCCC"}
    assert set(trained.unseen) == set(range(1, 4097)) - set(known)


def test_both_strands_are_learned():
    """Of a genome whose words lie on one strand only, the words of the other get vectors, and trained ones."""
    trained = train_vectors(Genome.from_dict({"a": "AACCAGAC" * 4000}), Settings(dimensions=9, epochs=4))
    forward = set(np.flatnonzero(trained.vectors.any(axis=1)))
    assert {REVERSE_COMPLEMENT[token] for token in forward} == forward
    lengths = np.linalg.norm(trained.vectors[sorted(forward)], axis=1)
    assert len(lengths) == 16
    assert lengths.min() > 0.5 * lengths.max()


def test_the_same_seed_gives_the_same_bits_whatever_the_process():
    text = decode(genome().fetch("a", 0, 12_000))
    ours = train_vectors(genome(), SMALL).vectors
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    done = subprocess.run([sys.executable, "-c", HASHED, text], capture_output=True, env=environment, check=True)
    assert done.stdout == ours.tobytes()


def test_another_seed_gives_other_vectors():
    one, two = (train_vectors(genome(9_000), Settings(dimensions=5, epochs=1, seed=seed)) for seed in (1, 2))
    assert not np.array_equal(one.vectors, two.vectors)


class Broken(Genome):
    """A genome whose file is damaged at a place that is read for the second time."""

    def __init__(self) -> None:
        super().__init__("broken", {"a": 12_000})
        self.reads = 0

    def _read(self, chrom: str, start: int, end: int) -> np.ndarray:
        self.reads += 1
        if self.reads == 2:
            raise InputFileError("genome broken was changed while it was read.")
        return genome().fetch(chrom, start, end)


def test_a_genome_that_fails_in_training_ends_it():
    with pytest.raises(InputFileError, match="was changed"):
        train_vectors(Broken(), SMALL)


@pytest.mark.parametrize(
    "sequence", ["N" * 500, "ACG", "ACGTTGCA"], ids=["nothing but N", "shorter than a word", "words too rare"]
)
def test_too_little_sequence(sequence: str):
    with pytest.raises(GenomeError, match="vectors need more sequence"):
        train_vectors(Genome.from_dict({"a": sequence}), SMALL)


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("dimensions", 0, 1), ("window", 0, 1), ("epochs", -1, 1), ("workers", 0, 1), ("seed", -1, 0)],
)
def test_settings_out_of_range(name: str, value: int, least: int):
    with pytest.raises(ConfigError, match=f"--{name} is {value}; a whole number from {least}"):
        Settings(**{name: value})


def test_without_gensim_the_cure_is_named(monkeypatch: pytest.MonkeyPatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gensim" else found(name))
    with pytest.raises(ConfigError, match=r"pip install 'epidyn\[kmers\]'"):
        train_vectors(genome(), SMALL)
