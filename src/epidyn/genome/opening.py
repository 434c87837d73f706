"""From what a user names to a genome: the kind of a file is told by its content."""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from pathlib import Path

from epidyn.errors import GenomeError, InputFileError
from epidyn.fetch import located
from epidyn.files import is_gzip, require_file
from epidyn.genome.base import Genome
from epidyn.genome.sizes import BUILT_IN

MAX_GZIP_BYTES = 300_000_000
SNIFFED_BYTES = 1 << 16
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

ACCEPTED = "FASTA (plain, bgzipped, or gzipped up to 300 MB), 2bit, or random:hg19"


def open_genome(spec: str | os.PathLike[str]) -> Genome:
    """Open a genome; see :meth:`epidyn.genome.Genome.open`."""
    if isinstance(spec, str) and spec.startswith("random:"):
        from epidyn.genome.random_bases import open_random

        return open_random(spec)
    path = located(spec)
    genome = _open_file(path)
    if path != Path(spec) and os.fspath(spec) in BUILT_IN:
        _require_sizes(genome, os.fspath(spec))
    return genome


def _require_sizes(genome: Genome, name: str) -> None:
    """Check a fetched genome, whose owners publish no digest, by its chromosomes."""
    wrong = [
        f"{chrom}: {genome.sizes.get(chrom, 'missing')} (expected {size})"
        for chrom, size in BUILT_IN[name].items()
        if genome.sizes.get(chrom) != size
    ]
    if wrong:
        raise GenomeError(f"{genome.path} is not {name}. Remove it, and fetch it again:", wrong)


def _open_file(path: Path) -> Genome:
    require_file(path, "genome")
    with path.open("rb") as handle:
        head = handle.read(SNIFFED_BYTES)
    from epidyn.genome.twobit import TwoBitGenome, is_twobit

    if is_twobit(head):
        return TwoBitGenome(path)
    if is_gzip(path):
        return _open_gzip(path, head)
    _require_fasta(path, head)
    from epidyn.genome.fasta import FastaGenome

    return FastaGenome(path, bgzf=False)


def is_bgzf(head: bytes) -> bool:
    """Tell whether a gzip file that begins so is of BGZF blocks: its extra field has a part ``BC``."""
    if len(head) < 12 or not head[3] & 4:
        return False
    extra = head[12 : 12 + struct.unpack_from("<H", head, 10)[0]]
    while len(extra) >= 4:
        (length,) = struct.unpack_from("<H", extra, 2)
        if extra[:2] == b"BC" and length == 2:
            return True
        extra = extra[4 + length :]
    return False


def _open_gzip(path: Path, head: bytes) -> Genome:
    size = path.stat().st_size
    if is_bgzf(head):
        _require_bgzf_end(path)
        _require_fasta(path, _unpacked_head(path))
        from epidyn.genome.fasta import FastaGenome

        return FastaGenome(path, bgzf=True)
    if size > MAX_GZIP_BYTES:
        raise InputFileError(
            f"genome {path} is an ordinary gzip of {size / 1e6:.0f} MB, which cannot be read at random "
            f"places; only up to {MAX_GZIP_BYTES / 1e6:.0f} MB are unpacked into memory. Unpack it (gunzip), "
            "recompress the unpacked file with bgzip, or use 2bit."
        )
    _require_fasta(path, _unpacked_head(path))
    from epidyn.genome.memory import read_gzip_fasta

    return read_gzip_fasta(path)


def _require_bgzf_end(path: Path) -> None:
    with path.open("rb") as handle:
        handle.seek(max(path.stat().st_size - len(BGZF_END), 0))
        if handle.read() != BGZF_END:
            raise InputFileError(
                f"genome {path} is a truncated bgzip file: the empty block that ends one is missing. "
                "Copy or download it again."
            )


def _unpacked_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as handle:
            return handle.read(SNIFFED_BYTES)
    except EOFError as error:
        raise InputFileError(f"genome {path} is a truncated gzip file. Copy or download it again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputFileError(f"genome {path} is a damaged gzip file ({error}). Download it again.") from error


def _require_fasta(path: Path, head: bytes) -> None:
    if not re.match(rb"(?:[ \t\r]*\n)*>", head):
        raise InputFileError(
            f"genome {path} is neither FASTA (whose first line begins with '>') nor 2bit: it begins with "
            f"{head[:8]!r}. Accepted are {ACCEPTED}."
        )


def looks_like_genome(path: Path) -> bool:
    """Tell by its content whether a file is FASTA (gzipped or not) or 2bit."""
    from epidyn.genome.twobit import is_twobit

    with path.open("rb") as handle:
        head = handle.read(SNIFFED_BYTES)
    if is_twobit(head):
        return True
    return (_unpacked_head(path) if is_gzip(path) else head).lstrip()[:1] == b">"
