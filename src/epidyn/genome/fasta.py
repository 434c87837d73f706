"""FASTA files, plain or bgzipped, read through pyfaidx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epidyn.errors import InputFileError
from epidyn.genome.codes import Codes, encode
from epidyn.genome.fasta_index import READ_ERRORS, load_index, open_faidx
from epidyn.genome.handles import FileGenome, stamp


class FastaGenome(FileGenome):
    """A genome in an indexed FASTA file; an index that is missing or old is made.

    Parameters
    ----------
    path
        The file.
    bgzf
        Whether its content is bgzipped.

    Raises
    ------
    InputFileError
        If the file is damaged or no text.
    GenomeError
        If names occur twice or are empty, a sequence is empty, or lines have unequal lengths.
    """

    def __init__(self, path: Path, *, bgzf: bool) -> None:
        stamped = stamp(path)
        self._bgzf = bgzf
        self._index = load_index(path, bgzf=bgzf)
        super().__init__(path, {record.name: record.bases for record in self._index.records}, stamped)

    def _open(self) -> Any:
        # The index travels with a pickle, so that a worker process need not make it again.
        return open_faidx(self.path, self._index, bgzf=self._bgzf)

    def _read(self, chrom: str, start: int, end: int) -> Codes:
        handle = self.handle()
        try:
            # pyfaidx counts from 1 and includes the end.
            codes = encode(handle.fetch(chrom, start + 1, end))
        except READ_ERRORS as error:
            raise InputFileError(
                f"genome {self.path}: {chrom}:{start}-{end} cannot be read ({error}). Copy or download it again."
            ) from error
        if len(codes) != end - start:
            raise InputFileError(
                f"genome {self.path}: {chrom}:{start}-{end} gives {len(codes)} bases. The file is not "
                "the one that its index was made of; remove the .fai (and .gzi) beside it."
            )
        return codes
