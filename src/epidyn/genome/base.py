"""What every genome offers: names, sizes, and the base codes of any interval."""

from __future__ import annotations

import hashlib
import operator
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, SupportsIndex

import numpy as np

from epidyn.errors import ChromosomeError, GenomeError, IntervalError
from epidyn.genome.codes import Codes, N, decode, to_codes

MAX_NAMES_SHOWN = 30
DIGEST_CONTIGS = 200
DIGEST_PROBES = 16
DIGEST_PROBE_LENGTH = 64


class Genome(ABC):
    """Named sequences of which any interval can be read as base codes.

    Open one with :meth:`open` or make one with :meth:`from_dict`. Instances can be pickled and used in forked
    worker processes. A subclass implements :meth:`_read`; checks and padding are done here.

    Attributes
    ----------
    name
        What a report calls this genome: a file's name, or the whole specification of a random genome.
    sizes
        Chromosome names and their sizes in bases, in the order of the source.
    path
        The file that is read when bases are asked for; None where none is.
    """

    name: str
    sizes: dict[str, int]
    path: Path | None = None

    def __init__(self, name: str, sizes: Mapping[str, int]) -> None:
        self.name = name
        self.sizes = dict(sizes)
        if not self.sizes:
            raise GenomeError(f"{name} holds no sequence. Give a genome with at least one.")
        if "" in self.sizes:
            raise GenomeError(f"{name} holds a sequence without a name. Name every sequence.")
        empty = [chrom for chrom, size in self.sizes.items() if size < 1]
        if empty:
            raise GenomeError(f"{name} holds {len(empty)} sequences without a base. Remove them:", rows=empty)

    @staticmethod
    def open(spec: str | os.PathLike[str]) -> Genome:
        """Open a genome file, or make a random genome.

        Parameters
        ----------
        spec
            The path of a FASTA file (plain, bgzipped, or an ordinary gzip of up to 300 MB, which is unpacked
            into memory) or of a 2bit file, whatever its name ends in; or ``random:hg19``,
            ``random:hg19:SEED``, ``random:FILE.chrom.sizes`` or ``random:FILE.chrom.sizes:SEED``.

        Raises
        ------
        InputFileError
            If the file is missing, empty, truncated, damaged, of no such kind, or too large a gzip.
        GenomeError
            If names occur twice or are empty, a sequence is empty, lines have unequal lengths, or a random
            genome's specification or size table is wrong.
        """
        from epidyn.genome.opening import open_genome

        return open_genome(spec)

    @staticmethod
    def from_dict(sequences: Mapping[str, Any], name: str = "memory") -> Genome:
        """Make a genome of sequences in memory.

        Parameters
        ----------
        sequences
            Names, and for each a text (str or bytes) or base codes of shape ``(length,)``, not empty. They
            are copied.
        name
            What reports call it.

        Raises
        ------
        GenomeError
            If there is no sequence, a name or a sequence is empty, or an array holds no base codes.

        Examples
        --------
        >>> import epidyn
        >>> genome = epidyn.Genome.from_dict({"chr1": "ACGTN"})
        >>> genome
        <MemoryGenome memory: 1 sequences, 5 bases>
        >>> genome.fetch("chr1", 1, 6).tolist()  # what lies outside is N, which is 4
        [1, 2, 3, 4, 4]
        """
        from epidyn.genome.memory import MemoryGenome

        return MemoryGenome(name, {chrom: to_codes(each, f"{name}, {chrom}") for chrom, each in sequences.items()})

    @abstractmethod
    def _read(self, chrom: str, start: int, end: int) -> Codes:
        """Return the base codes of ``[start, end)``, which is not empty and lies inside the chromosome."""

    def resolve(self, chrom: str) -> str:
        """Return this genome's own name of ``chrom``; ``chr20`` and ``20`` are one if only one exists.

        Raises
        ------
        ChromosomeError
            If it holds neither; the message names those that it holds.
        """
        if chrom in self.sizes:
            return chrom
        other = chrom[3:] if chrom.startswith("chr") else f"chr{chrom}"
        if other in self.sizes:
            return other
        names = ", ".join(list(self.sizes)[:MAX_NAMES_SHOWN])
        if len(self.sizes) > MAX_NAMES_SHOWN:
            names += f" and {len(self.sizes) - MAX_NAMES_SHOWN} more"
        raise ChromosomeError(
            f"there is no chromosome {chrom!r} in {self.name}; it holds {names}. "
            "Use the genome that the table was made with, or rename."
        )

    def fetch(self, chrom: str, start: SupportsIndex, end: SupportsIndex) -> Codes:
        """Return the base codes of an interval, ``uint8`` of shape ``(end - start,)``.

        Parameters
        ----------
        chrom
            A chromosome, with or without ``chr`` (see :meth:`resolve`).
        start, end
            0-based, half-open. What sticks out of the chromosome at either end is 4 (N).

        Raises
        ------
        ChromosomeError
            If the genome does not hold the chromosome.
        IntervalError
            If ``start >= end``, or no base of the interval lies on the chromosome.
        InputFileError
            If the file cannot be read any more, was changed, or is damaged at this place.
        """
        chrom = self.resolve(chrom)
        size = self.sizes[chrom]
        first, last = operator.index(start), operator.index(end)
        if first >= last or last <= 0 or first >= size:
            problem = "has a start that is not below its end" if first >= last else "lies wholly outside"
            raise IntervalError(
                f"interval {chrom}:{first}-{last} (0-based, half-open) {problem}; "
                f"{chrom} of {self.name} has {size} bases. Is this the genome of the table?"
            )
        low, high = max(first, 0), min(last, size)
        inside = self._read(chrom, low, high)
        if (low, high) == (first, last):
            return inside
        codes = np.full(last - first, N, np.uint8)
        codes[low - first : high - first] = inside
        return codes

    def digest(self) -> str:
        """Return 64 hexadecimal digits that tell this genome from others, whatever format it is kept in.

        It is the SHA-256 of, for each of the 200 longest contigs (longest first, ties by name), a line
        ``name TAB size`` and 16 lines with the 64 bases from ``i * max(size - 64, 0) // 15``, i = 0..15
        (N beyond the end of a shorter contig). So it samples the sequence: it tells assemblies and their
        versions apart, but not a genome from a copy with a few bases changed.
        """
        digest = hashlib.sha256()
        longest = sorted(self.sizes.items(), key=lambda item: (-item[1], item[0]))[:DIGEST_CONTIGS]
        for chrom, size in longest:
            digest.update(f"{chrom}\t{size}\n".encode())
            for i in range(DIGEST_PROBES):
                start = i * max(size - DIGEST_PROBE_LENGTH, 0) // (DIGEST_PROBES - 1)
                probe = self.fetch(chrom, start, start + DIGEST_PROBE_LENGTH)
                digest.update(f"{decode(probe)}\n".encode())
        return digest.hexdigest()

    def close(self) -> None:  # noqa: B027  (a genome without open files has nothing to do)
        """Close the files; the next :meth:`fetch` opens them again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        bases = sum(self.sizes.values())
        return f"<{type(self).__name__} {self.name}: {len(self.sizes)} sequences, {bases} bases>"
