from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from epidyn import Genome
from epidyn.errors import ChromosomeError, ConfigError
from epidyn.genome import decode
from epidyn.kmer_training.corpus import BLOCK, SENTENCE, Corpus
from epidyn.kmer_training.words import WORDS

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def ignored(bases: int) -> None:
    pass


def text_of(sentence: list[int]) -> str:
    """The bases that a sentence's words overlap to, if they do."""
    words = WORDS[np.array(sentence) - 1]
    assert (words[:-1, 1:] == words[1:, :-1]).all()
    return decode(np.concatenate([words[0], words[1:, -1]]))


def texts(corpus: Corpus, seed: int = 0) -> list[str]:
    return [text_of(sentence) for sentence in corpus.sentences(np.random.default_rng(seed), ignored)]


def random_text(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def test_runs_between_n_are_sentences_of_either_strand():
    runs = ["ACGTTGCAAT", "GATTACA", "CCCCGT"]  # what is shorter than a word is none
    corpus = Corpus(Genome.from_dict({"a": "NN".join([*runs, "ACGTA"]), "b": "NNNN" + "TTGACCA"}))
    both = [{run, run.translate(COMPLEMENT)[::-1]} for run in [*runs, "TTGACCA"]]
    drawn = [texts(corpus, seed) for seed in range(20)]
    for found in drawn:
        assert all(sum(text in strands for text in found) == 1 for strands in both)
        assert len(found) == len(both)
    assert set().union(*drawn) == set().union(*both)


def test_counts_are_those_of_the_forward_words():
    text = random_text(2 * BLOCK + 3, seed=3)
    text = text[:7000] + "N" * 11 + text[7011:]
    counts = Corpus(Genome.from_dict({"a": text})).counts(ignored)
    pieces = []  # blocks, then runs without N, then sentences: words across their borders are left out
    for start in range(0, len(text), BLOCK):
        for run in text[start : start + BLOCK].split("N"):
            pieces += [run[at : at + SENTENCE] for at in range(0, len(run), SENTENCE)]
    expected = Counter(piece[at : at + 6] for piece in pieces for at in range(len(piece) - 5))
    assert counts[0] == 0
    assert {decode(WORDS[token - 1]): counts[token] for token in np.flatnonzero(counts)} == expected


def test_every_base_is_in_one_sentence():
    text = random_text(2 * BLOCK + 7, seed=4)
    corpus = Corpus(Genome.from_dict({"a": text}))
    found = texts(corpus)
    assert max(map(len, found)) == SENTENCE
    assert sum(map(len, found)) == len(text) == corpus.bases
    whole = text + "|" + text.translate(COMPLEMENT)[::-1]
    assert all(sentence in whole for sentence in found)


def test_the_order_of_blocks_and_the_strands_follow_from_the_seed():
    corpus = Corpus(Genome.from_dict({"a": random_text(3 * BLOCK, seed=5)}))
    assert texts(corpus, 1) == texts(corpus, 1) != texts(corpus, 2)


def test_contigs_in_either_spelling_once_each():
    genome = Genome.from_dict({"chr1": "A" * 20, "chr2": "C" * 30, "chr3": "G" * 40})
    corpus = Corpus(genome, ["3", "chr1", "chr3"])
    assert corpus.blocks == [("chr3", 0, 40), ("chr1", 0, 20)]
    with pytest.raises(ChromosomeError, match=r"'chr9'.* chr1, chr2, chr3"):
        Corpus(genome, ["chr9"])
    with pytest.raises(ConfigError, match="--contigs names no contig"):
        Corpus(genome, [])


def test_a_share_of_the_blocks_is_drawn_once():
    genome = Genome.open("random:hg19")
    whole = Corpus(genome, ["chr21"])
    half, again, other = (Corpus(genome, ["chr21"], share=0.5, seed=seed) for seed in (1, 1, 2))
    assert half.blocks == again.blocks != other.blocks
    assert set(half.blocks) < set(whole.blocks)
    assert half.blocks == sorted(half.blocks)
    assert half.bases == pytest.approx(whole.bases / 2, rel=0.01)
    assert len(Corpus(genome, ["chr21"], share=1e-9).blocks) == 1


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_is_above_0_and_at_most_1(share: float):
    with pytest.raises(ConfigError, match="above 0 and at most 1"):
        Corpus(Genome.from_dict({"a": "ACGT"}), share=share)


def test_bases_read_are_told():
    corpus, told = Corpus(Genome.from_dict({"a": random_text(BLOCK + 9), "b": "N" * 40})), []
    corpus.counts(told.append)
    assert told == [BLOCK, 9, 40]
    list(corpus.sentences(np.random.default_rng(0), told.append))
    assert sorted(told[3:]) == [9, 40, BLOCK]


def test_a_block_is_read_when_it_is_needed_and_no_more():
    genome = Genome.open("random:hg19")
    read: list[int] = []

    class Watched(Genome):
        def _read(self, chrom: str, start: int, end: int) -> np.ndarray:
            read.append(end - start)
            return genome.fetch(chrom, start, end)

    corpus = Corpus(Watched("hg19", genome.sizes))
    first = itertools.islice(corpus.sentences(np.random.default_rng(0), ignored), BLOCK // SENTENCE + 1)
    assert {len(sentence) for sentence in first} == {SENTENCE - 5}
    assert read == [BLOCK, BLOCK]
