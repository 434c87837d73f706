"""Skip-gram with negative sampling over a genome's 6-mers: gensim's, with dna2vec's settings."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epidyn import progress
from epidyn.errors import ConfigError, GenomeError
from epidyn.genome import Genome
from epidyn.kmer_training.corpus import Corpus, Read
from epidyn.kmer_training.words import REVERSE_COMPLEMENT
from epidyn.kmers import PUBLISHED_DIMENSIONS, VOCABULARY, Vectors

# Words seen less often, over both strands, get no vector: dna2vec's setting.
MIN_COUNT = 5
# gensim's defaults, which dna2vec did not change: negative samples a word, and the share of all words above
# which a word is thinned out.
NEGATIVE = 5
DOWNSAMPLING = 1e-3


@dataclass(frozen=True)
class Settings:
    """How vectors are trained; defaults are dna2vec's (Ng 2017), but for the words, which are 6-mers alone.

    Attributes
    ----------
    dimensions
        Length of a vector.
    window
        Words of context at either side.
    epochs
        Passes over the genome; strands are drawn anew in each.
    workers
        Threads that train. With more than one the result differs from call to call.
    seed
        Seed of all that is drawn.

    Raises
    ------
    ConfigError
        If a number is below 1, or the seed below 0.
    """

    dimensions: int = PUBLISHED_DIMENSIONS
    window: int = 10
    epochs: int = 10
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 0 if name == "seed" else 1
            if value < least:
                raise ConfigError(f"--{name} is {value}; a whole number from {least} is needed.")


@dataclass(frozen=True)
class Trained:
    """Vectors, and what they were trained on.

    Attributes
    ----------
    vectors
        float32 (4097, dimensions), row = token id. Rows of zeros: 0, and each of ``unseen``.
    bases
        Bases read in each epoch.
    words
        6-mers without an N among them.
    unseen
        Token ids of words seen fewer than 5 times over both strands, which have no vector.
    """

    vectors: Vectors
    bases: int
    words: int
    unseen: npt.NDArray[np.int64]


def require_gensim() -> None:
    """Raise ConfigError unless gensim is installed."""
    if importlib.util.find_spec("gensim") is None:
        raise ConfigError("training k-mer vectors needs gensim. Install it: pip install 'epidyn[kmers]'.")


def train_vectors(
    genome: Genome,
    settings: Settings | None = None,
    *,
    contigs: Sequence[str] | None = None,
    share: float = 1.0,
) -> Trained:
    """Learn 6-mer vectors from the words around each word of a genome.

    The genome is read block by block, once to count and once an epoch, so that memory does not grow with it. One
    worker gives the same bits for the same seed.

    Parameters
    ----------
    genome
        The genome; words that touch an N are left out.
    settings
        Default: dna2vec's.
    contigs, share
        What is read of it, see :class:`~epidyn.kmer_training.corpus.Corpus`.

    Raises
    ------
    ConfigError
        If gensim is not installed, or a setting is none.
    GenomeError
        If hardly any 6-mer occurs as often as is needed.
    ChromosomeError, InputFileError
        If a contig is unknown, or the genome cannot be read.
    """
    require_gensim()
    settings = settings or Settings()
    corpus = Corpus(genome, contigs, share=share, seed=settings.seed)
    with _rate_bar("counting 6-mers", corpus.bases) as read:
        counts = corpus.counts(read)
    seen = counts + counts[REVERSE_COMPLEMENT]
    known = np.flatnonzero(seen >= MIN_COUNT)
    if len(known) < 2:
        raise GenomeError(
            f"{genome.name}: {int(counts.sum()):,} 6-mers were read, and {len(known)} of the {VOCABULARY - 1} "
            f"different ones {MIN_COUNT} times or more; vectors need more sequence. Raise --sample or name more "
            "--contigs, if the genome has bases other than N there."
        )
    vectors = _train(corpus, {int(word): int(seen[word]) for word in known}, int(counts.sum()), settings)
    unseen = np.setdiff1d(np.arange(1, VOCABULARY), known)
    return Trained(vectors, corpus.bases, int(counts.sum()), unseen)


def _train(corpus: Corpus, seen: dict[int, int], words: int, settings: Settings) -> Vectors:
    from gensim.models import Word2Vec

    model = Word2Vec(
        vector_size=settings.dimensions,
        window=settings.window,
        sg=1,
        negative=NEGATIVE,
        sample=DOWNSAMPLING,
        min_count=MIN_COUNT,
        workers=settings.workers,
        seed=int(np.random.SeedSequence(settings.seed).generate_state(1)[0]),
    )
    model.build_vocab_from_freq(seen)
    with _rate_bar("training 6-mer vectors", corpus.bases * settings.epochs) as read:
        sentences = _Sentences(corpus, settings.seed, read)
        model.train(sentences, total_words=words, epochs=settings.epochs)
    if sentences.failure is not None:
        raise sentences.failure
    vectors = np.zeros((VOCABULARY, settings.dimensions), dtype=np.float32)
    vectors[model.wv.index_to_key] = model.wv.vectors
    return vectors


class _Sentences:
    """What gensim passes over once an epoch, in a thread of its own.

    An error there would end the thread and leave gensim waiting for ever, so it is kept as ``failure`` and ends
    the sentences.
    """

    def __init__(self, corpus: Corpus, seed: int, read: Read) -> None:
        self._corpus = corpus
        self._seed = seed
        self._read = read
        self._epoch = 0
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[list[int]]:
        if self.failure is not None:
            return
        self._epoch += 1
        try:
            yield from self._corpus.sentences(np.random.default_rng([self._seed, self._epoch]), self._read)
        except Exception as error:
            self.failure = error


@contextmanager
def _rate_bar(label: str, bases: int) -> Iterator[Read]:
    """Show a progress bar over bases, with the rate so far."""
    began, done = time.monotonic(), 0
    with progress.bar(label, bases) as advance:

        def read(count: int) -> None:
            nonlocal done
            done += count
            advance(count, f"{done / max(time.monotonic() - began, 1e-9):,.0f} bases/s")

        yield read
