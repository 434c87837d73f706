"""Random genomes: every base follows from seed, chromosome and position; nothing is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from epidyn.errors import GenomeError, InputFileError
from epidyn.genome.base import Genome
from epidyn.genome.codes import Codes
from epidyn.genome.sizes import BUILT_IN, read_sizes

PREFIX = "random:"
BASES_A_WORD = 32

# The increment and the two multipliers of the SplitMix64 generator (Steele, Lea and Flood 2014).
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)

# Byte -> its four codes, lowest two bits first, so that a word unpacks by one look-up a byte.
_CODES_OF_BYTE = ((np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3).astype(np.uint8)


class RandomGenome(Genome):
    """A genome with given names and sizes, and independent, uniform bases.

    The base at position p (0-based) of a chromosome is two bits of a 64-bit word,
    ``(word >> 2 * (p % 32)) & 3``, where ``word = mix(key + (p // 32 + 1) * increment)`` modulo 2**64 is
    SplitMix64's, and ``key`` is the 8-byte BLAKE2b (little-endian) of ``SEED TAB CHROMOSOME``. The name
    counts without a leading ``chr``, so that ``chr20`` and ``20`` have the same bases. Any interval, in any
    order and any process, has the same bases for ever.

    Parameters
    ----------
    name
        What reports call it.
    sizes
        Chromosome names and sizes in bases.
    seed
        0 or more.
    """

    def __init__(self, name: str, sizes: Mapping[str, int], seed: int = 0) -> None:
        super().__init__(name, sizes)
        self.seed = seed

    def _read(self, chrom: str, start: int, end: int) -> Codes:
        first, last = start // BASES_A_WORD, (end - 1) // BASES_A_WORD + 1
        words = _words(_key(self.seed, chrom), first, last)
        codes: Codes = _CODES_OF_BYTE[words.astype("<u8", copy=False).view(np.uint8)].reshape(-1)
        offset = first * BASES_A_WORD
        return codes[start - offset : end - offset].copy()


def open_random(spec: str) -> RandomGenome:
    """Make the random genome that ``random:TABLE`` or ``random:TABLE:SEED`` names.

    ``TABLE`` is ``hg19`` or the path of a table of chromosome sizes; without ``SEED`` the seed is 0. The
    genome's name is ``spec`` as it stands.

    Raises
    ------
    GenomeError
        If the seed is no whole number, or the size table has bad rows.
    InputFileError
        If the table is neither built in nor a file.
    """
    table, seed = _split(spec.removeprefix(PREFIX), spec)
    if table in BUILT_IN:
        return RandomGenome(spec, BUILT_IN[table], seed)
    if not table or not Path(table).exists():
        raise InputFileError(
            f"random genome {spec!r}: {table!r} is neither a built-in table of chromosome sizes "
            f"({', '.join(BUILT_IN)}) nor a file. Give one of these, or the path of a chrom.sizes file."
        )
    return RandomGenome(spec, read_sizes(table), seed)


def _split(body: str, spec: str) -> tuple[str, int]:
    table, colon, seed = body.rpartition(":")
    if not colon or Path(body).is_file():
        return body, 0
    if not (seed.isascii() and seed.isdecimal()):
        raise GenomeError(
            f"random genome {spec!r}: seed {seed!r} is no whole number of 0 or more. "
            "Write random:hg19:7, for instance."
        )
    return table, int(seed)


def _key(seed: int, chrom: str) -> int:
    text = f"{seed}\t{chrom.removeprefix('chr')}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _words(key: int, first: int, last: int) -> npt.NDArray[np.uint64]:
    # Arrays of uint64 wrap around silently, which is the arithmetic wanted.
    z = np.arange(first + 1, last + 1, dtype=np.uint64) * _INCREMENT + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * _MULTIPLIER_1
    z = (z ^ (z >> np.uint64(27))) * _MULTIPLIER_2
    return z ^ (z >> np.uint64(31))
