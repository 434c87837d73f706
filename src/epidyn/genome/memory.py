"""Genomes in memory, from a dict or from an ordinary gzipped FASTA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from epidyn.errors import GenomeError
from epidyn.files import open_text
from epidyn.genome.base import Genome
from epidyn.genome.codes import Codes, encode
from epidyn.progress import bar


class MemoryGenome(Genome):
    """A genome whose base codes are all in memory; see :meth:`epidyn.genome.Genome.from_dict`."""

    def __init__(self, name: str, codes: Mapping[str, Codes]) -> None:
        super().__init__(name, {chrom: len(each) for chrom, each in codes.items()})
        self._codes = dict(codes)

    def _read(self, chrom: str, start: int, end: int) -> Codes:
        return self._codes[chrom][start:end].copy()


def read_gzip_fasta(path: Path) -> MemoryGenome:
    """Read a whole gzipped (or plain) FASTA into memory, one byte a base.

    Lines may have any lengths. The name of a sequence is its header up to the first white space.

    Raises
    ------
    InputFileError
        If the file is truncated, damaged, or no text.
    GenomeError
        If a name is empty or occurs twice, or a sequence is empty.
    """
    names: list[str] = []
    codes: list[Codes] = []
    with open_text(path, "genome") as handle, bar(f"reading {path.name}", None) as advance:
        for name, sequence in fasta_records(path, handle):
            names.append(name)
            codes.append(sequence)
            advance(1, name)
    check_unique(path, names)
    return MemoryGenome(path.name, dict(zip(names, codes, strict=True)))


def check_unique(path: Path, names: Iterable[str]) -> None:
    """Refuse names that occur more than once.

    Raises
    ------
    GenomeError
        Naming them all.
    """
    repeated = [f"{name!r} occurs {count} times" for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise GenomeError(
            f"genome {path} holds several sequences of the same name, and which is meant cannot be known. "
            "A name ends at the first white space; rename or remove all but one of each:",
            rows=repeated,
        )


def fasta_records(path: Path, lines: Iterable[str]) -> Iterator[tuple[str, Codes]]:
    """Yield the name of each sequence, its header up to the first white space, and its base codes.

    Raises
    ------
    GenomeError
        If a name is empty.
    """
    name: str | None = None
    letters = bytearray()
    for number, line in enumerate(lines, start=1):
        if line.startswith(">"):
            if name is not None:
                yield name, encode(letters)
            words = line[1:].split(maxsplit=1)
            if not words:
                raise GenomeError(f"genome {path}, line {number}: a sequence has no name. Put one behind the '>'.")
            name, letters = words[0], bytearray()
        else:
            letters += line.strip().encode("ascii", "replace")
    if name is not None:
        yield name, encode(letters)
