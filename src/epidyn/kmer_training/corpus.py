"""A genome as sentences whose words are 6-mers, read block by block."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from epidyn.errors import ConfigError
from epidyn.genome import Genome, reverse_complement
from epidyn.kmers import N_CODE, VOCABULARY, Codes, K, tokenize

# Bases read at once, and drawn or left out together.
BLOCK = 50_000
# dna2vec cuts chromosomes into pieces of 2,500 to 5,000 bases.
SENTENCE = 5_000

Block = tuple[str, int, int]
Read = Callable[[int], None]


class Corpus:
    """The sentences of a genome: pieces of at most 5,000 bases without an N, as the tokens of their 6-mers.

    Parameters
    ----------
    genome
        Read anew at each passing; no more than a block of it is held.
    contigs
        Sequences to read, with or without ``chr``; None for all.
    share
        Share of the genome's blocks of 50,000 bases that is read, above 0 and at most 1; drawn once.
    seed
        Seed of that draw.

    Attributes
    ----------
    blocks
        Sequence, start and end (0-based, half-open) of what is read, in the genome's order.
    bases
        Bases in all blocks, N among them.

    Raises
    ------
    ChromosomeError
        If the genome does not hold one of the contigs.
    ConfigError
        If no contig is named, or the share is none.
    """

    def __init__(
        self, genome: Genome, contigs: Sequence[str] | None = None, *, share: float = 1.0, seed: int = 0
    ) -> None:
        if contigs is not None and not contigs:
            raise ConfigError("--contigs names no contig. Name one or more, or leave it out to read all.")
        if not 0 < share <= 1:
            raise ConfigError(f"--sample is {share:g}; a share above 0 and at most 1 is needed.")
        self.genome = genome
        names = genome.sizes if contigs is None else dict.fromkeys(map(genome.resolve, contigs))
        blocks: list[Block] = [
            (name, start, min(start + BLOCK, genome.sizes[name]))
            for name in names
            for start in range(0, genome.sizes[name], BLOCK)
        ]
        taken = max(1, round(share * len(blocks)))
        drawn = np.random.default_rng(seed).choice(len(blocks), taken, replace=False)
        self.blocks = [blocks[number] for number in np.sort(drawn)]
        self.bases = sum(end - start for _, start, end in self.blocks)

    def counts(self, read: Read) -> npt.NDArray[np.int64]:
        """Return how often each token is a word of the forward strand, int64 (4097,).

        ``read`` is told the bases of each block that is done.
        """
        counts = np.zeros(VOCABULARY, dtype=np.int64)
        for block in self.blocks:
            for piece in self._pieces(block):
                counts += np.bincount(_words(piece), minlength=VOCABULARY)
            read(block[2] - block[1])
        return counts

    def sentences(self, rng: np.random.Generator, read: Read) -> Iterator[list[int]]:
        """Yield all sentences once: blocks in an order that is drawn, each piece on a strand that is drawn."""
        for number in rng.permutation(len(self.blocks)):
            block = self.blocks[number]
            for piece in self._pieces(block):
                strand = reverse_complement(piece) if rng.random() < 0.5 else piece
                yield _words(strand).tolist()
            read(block[2] - block[1])

    def _pieces(self, block: Block) -> Iterator[Codes]:
        """Yield the runs of bases between N, cut to the length of a sentence; each has a 6-mer at least."""
        codes = self.genome.fetch(*block)
        is_n = np.concatenate([[True], codes >= N_CODE, [True]])
        edges = np.flatnonzero(is_n)
        for before, after in itertools.pairwise(edges):  # positions in is_n, one ahead of codes
            for start in range(before, after - 1, SENTENCE):
                piece = codes[start : min(start + SENTENCE, after - 1)]
                if len(piece) >= K:
                    yield piece


def _words(codes: Codes) -> npt.NDArray[np.int64]:
    return tokenize(codes)[K - 1 :]
