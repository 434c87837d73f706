"""Alleles of a VCF file, plain, gzipped, bgzipped or BCF, one by one, as htslib reads them."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from epidyn.errors import InputFileError
from epidyn.files import is_gzip, require_file

_LETTERS = frozenset("ACGT")


@dataclass(frozen=True)
class Allele:
    """One alternate allele of a record.

    Attributes
    ----------
    chrom, position, id
        As the file has them; the position is 1-based, of the first base of ``ref``; the id may be ``.``.
    ref, alt
        Letters, upper case; ``alt`` may also be symbolic.
    """

    chrom: str
    position: int
    id: str
    ref: str
    alt: str

    @property
    def trouble(self) -> str | None:
        """Why this allele has no sequence of its own, or None if it has."""
        if self.alt in ("*", "<*>", "<NON_REF>", "."):
            return "no alternate allele of its own"
        if "[" in self.alt or "]" in self.alt:
            return "breakend"
        if self.alt.startswith("<"):
            return "symbolic"
        if not set(self.alt) <= _LETTERS or not set(self.ref) <= _LETTERS:
            return "letters other than A, C, G and T"
        return None

    @property
    def change(self) -> tuple[int, str, str]:
        """What differs: where it begins (0-based), the bases that go, and those that come; either may be empty.

        Bases that both alleles share are taken off, first behind and then in front.
        """
        ref, alt, start = self.ref, self.alt, self.position - 1
        while ref and alt and ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
        while ref and alt and ref[0] == alt[0]:
            ref, alt, start = ref[1:], alt[1:], start + 1
        return start, ref, alt


def iter_alleles(path: str | os.PathLike[str]) -> Iterator[Allele]:
    """Yield the alternate alleles of all records, in the order of the file; a record with several gives several.

    A record without any (``.``) gives one whose ``alt`` is ``.``.

    Raises
    ------
    InputFileError
        If the file is missing, empty, no VCF, cut off, or a line is none; says behind which record.
    """
    from pysam import VariantFile, set_verbosity

    path = require_file(path, "variants")
    before = set_verbosity(0)  # htslib would print its own complaints
    records = 0
    try:
        with _seekable(path) as readable, VariantFile(str(readable)) as file:
            for record in file:
                records += 1
                given = record.chrom, record.pos, record.id or ".", (record.ref or "N").upper()
                for alt in record.alts or (".",):
                    yield Allele(*given, alt.upper())
    except (OSError, EOFError, ValueError, NotImplementedError, zlib.error) as error:  # pysam raises all of them
        if isinstance(error, InputFileError):
            raise
        where = f"behind its record {records:,} " if records else ""
        raise InputFileError(
            f"variants {path}: {where}it cannot be read as VCF. `bcftools view` of it says more; give a whole VCF "
            "or BCF file with its header."
        ) from error
    finally:
        set_verbosity(before)


@contextmanager
def _seekable(path: Path) -> Iterator[Path]:
    """Yield a file that htslib can read: this one, or, if it was gzipped and not bgzipped, a copy that is not."""
    with path.open("rb") as handle:
        header = handle.read(14)
    if not is_gzip(path) or header[12:14] == b"BC":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "variants.vcf"
        with gzip.open(path) as packed, copy.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
        yield copy
