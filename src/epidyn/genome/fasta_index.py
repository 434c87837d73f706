"""The index of a FASTA file (.fai, and .gzi if bgzipped): found, checked, or made; and opened by pyfaidx."""

from __future__ import annotations

import bisect
import io
import logging
import os
import re
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from epidyn.errors import GenomeError, InputFileError, OutputError
from epidyn.files import NO_ROOM, atomic_path
from epidyn.genome.memory import check_unique
from epidyn.progress import bar

logger = logging.getLogger("epidyn")

# What pyfaidx, Biopython's BGZF reader and zlib raise on a damaged file.
READ_ERRORS = (
    ValueError,
    LookupError,
    RuntimeError,
    AssertionError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
)

_LONGEST_HEADER = 1 << 20
_TAIL = 64

_CURE = (
    "Every sequence needs a name behind '>' and lines of one length (its last may be shorter), none of them "
    "empty; 'seqkit seq -w 60' rewrites a file so."
)


class Record(NamedTuple):
    """One line of a .fai: a sequence, its bases, where they begin, and bases and bytes a line."""

    name: str
    bases: int
    offset: int
    line_bases: int
    line_bytes: int

    @property
    def last_byte(self) -> int:
        """Where its last base ends in the (uncompressed) file."""
        breaks = (self.bases - 1) // self.line_bases if self.line_bases else 0
        return self.offset + self.bases + breaks * (self.line_bytes - self.line_bases)


@dataclass(frozen=True)
class FastaIndex:
    """The bytes of a .fai and (empty, if the FASTA is plain) of a .gzi, and the .fai's records."""

    fai: bytes
    gzi: bytes
    records: tuple[Record, ...]


def load_index(path: Path, *, bgzf: bool) -> FastaIndex:
    """Return the index that lies beside a FASTA file, or make it, and write it there if possible.

    An index that is older than the file, damaged, or of another file is made anew, which is logged.

    Raises
    ------
    InputFileError, GenomeError
        If the FASTA file cannot be indexed; see :func:`build_index`.
    """
    found = _find_index(path, bgzf=bgzf)
    if found is not None and _fits(path, found, bgzf=bgzf):
        return found
    index = build_index(path, bgzf=bgzf)
    _keep_index(path, index)
    return index


def build_index(path: Path, *, bgzf: bool) -> FastaIndex:
    """Make the index of a FASTA file, in memory.

    Raises
    ------
    InputFileError
        If the file is damaged or no text.
    GenomeError
        If there is no sequence, a name is empty or occurs twice, or lines have unequal lengths.
    """
    import pyfaidx

    with _folder_for_pyfaidx(path, bgzf=bgzf) as (link, fai, gzi), bar(f"indexing {path.name}", None):
        try:
            # Duplicates are let through here, because pyfaidx would name the first of them only.
            pyfaidx.Faidx(link, indexname=fai, gzi_indexname=gzi, duplicate_action="first").close()
            index = _parse(fai.read_bytes(), gzi.read_bytes() if bgzf else b"")
        except pyfaidx.FastaIndexingError as error:
            reason = str(error).replace(str(link), path.name)
            raise GenomeError(f"genome {path} cannot be indexed: {reason} {_CURE}") from error
        except READ_ERRORS as error:
            _require_room(path, error)
            raise InputFileError(
                f"genome {path} is damaged, or no FASTA text ({error}). Copy or download it again."
            ) from error
    check_unique(path, (record.name for record in index.records))
    # pyfaidx lets the last line of a sequence be longer than the others, and then reads past it.
    bad = _misfits(path, index, bgzf=bgzf) if all(record.bases for record in index.records) else []
    if bad:
        raise GenomeError(
            f"genome {path} cannot be indexed: lines of unequal length in sequences. {_CURE}", rows=bad
        )
    return index


def open_faidx(path: Path, index: FastaIndex, *, bgzf: bool) -> Any:
    """Open a FASTA file with a given index; returns a ``pyfaidx.Faidx`` that fetches strings.

    Raises
    ------
    InputFileError
        If pyfaidx cannot open it.
    """
    import pyfaidx

    with _folder_for_pyfaidx(path, bgzf=bgzf) as (link, fai, gzi):
        try:
            later = path.stat().st_mtime_ns + 10**9
            for target, content in ((fai, index.fai), (gzi, index.gzi)):
                target.write_bytes(content)
                os.utime(target, ns=(later, later))
            faidx = pyfaidx.Faidx(
                link, indexname=fai, gzi_indexname=gzi, as_raw=True, rebuild=False, build_index=False
            )
        except READ_ERRORS as error:
            _require_room(path, error)
            raise InputFileError(f"genome {path} cannot be opened ({error}).") from error
    if bgzf:
        faidx.gzi_index = [_Block(block.cstart, block.ustart) for block in faidx.gzi_index]
    return faidx


class _Block(NamedTuple):
    """A BGZF block for pyfaidx's search of the one where an interval begins.

    pyfaidx takes the last block that lies before that byte. Where the byte is the first of a block,
    this gives the block before, and an offset that a block of 65,536 bytes (Biopython writes such) does not
    have. Here a block also lies before its own first byte.
    """

    cstart: int
    ustart: int

    def __lt__(self, position: Any) -> bool:
        return bool(self.ustart <= position)


@contextmanager
def _folder_for_pyfaidx(path: Path, *, bgzf: bool) -> Iterator[tuple[Path, Path, Path]]:
    """Yield a link to a FASTA, and paths for its two indexes, in a folder that lives as long as the block.

    pyfaidx tells bgzipped files by their names, we by their content, so it is given a name that is true.
    And it writes an index in place, so that a reader may meet half of one; here nobody else reads it.

    Raises
    ------
    OutputError
        If there is no room for such a folder.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="epidyn-")
    except OSError as error:
        raise _no_room(path, error) from error
    with folder:
        link = Path(folder.name) / ("genome.fa.gz" if bgzf else "genome.fa")
        link.symlink_to(path.absolute())
        yield link, Path(folder.name) / "index.fai", Path(folder.name) / "index.gzi"


def _require_room(path: Path, error: BaseException | None) -> None:
    """Raise OutputError if what failed is a write into the temporary folder; pyfaidx hides the reason."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise _no_room(path, error) from error
        error = error.__context__


def _no_room(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"genome {path} needs a temporary folder, and {tempfile.gettempdir()} takes none or no more: "
        f"{error.strerror}. Set TMPDIR to a folder with room."
    )


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}.fai"), path.with_name(f"{path.name}.gzi")


def _find_index(path: Path, *, bgzf: bool) -> FastaIndex | None:
    fai, gzi = _beside(path)
    needed = [fai, gzi] if bgzf else [fai]
    if not all(file.is_file() for file in needed):
        return None
    for file in needed:
        if file.stat().st_mtime_ns < path.stat().st_mtime_ns:
            logger.info("the index %s is older than %s and is made anew", file, path.name)
            return None
    try:
        return _parse(fai.read_bytes(), gzi.read_bytes() if bgzf else b"")
    except (OSError, ValueError) as error:
        logger.info("the index of %s cannot be used (%s) and is made anew", path, error)
        return None


def _parse(fai: bytes, gzi: bytes) -> FastaIndex:
    records = []
    for line in fai.decode("utf-8").splitlines():
        name, *numbers = line.split("\t")
        bases, offset, line_bases, line_bytes = map(int, numbers)
        if min(bases, offset) < 0 or not 0 <= line_bases <= line_bytes or (bases and not line_bases):
            raise ValueError(f"impossible row {line!r}")
        records.append(Record(name, bases, offset, line_bases, line_bytes))
    if gzi and (len(gzi) < 8 or len(gzi) != 8 + 16 * int.from_bytes(gzi[:8], "little")):
        raise ValueError("its .gzi is not whole")
    return FastaIndex(fai, gzi, tuple(records))


def _fits(path: Path, index: FastaIndex, *, bgzf: bool) -> bool:
    """Tell whether an index found beside a file is of this file.

    The time of change does not tell: a file that was downloaded anew may carry an old date.
    """
    names = {record.name for record in index.records}
    try:
        fits = bool(names) and len(names) == len(index.records) and not _misfits(path, index, bgzf=bgzf)
    except InputFileError:
        fits = False
    if not fits:
        logger.info("the index beside %s is not of this file and is made anew", path)
    return fits


def _misfits(path: Path, index: FastaIndex, *, bgzf: bool) -> list[str]:
    """Name the sequences behind whose last base the next header, or the end of the file, does not follow."""
    bad = []
    faidx = open_faidx(path, index, bgzf=bgzf)
    try:
        for last, following in pairwise((None, *index.records, None)):
            try:
                joined = _joined(faidx, last, following)
            except READ_ERRORS:
                joined = False
            culprit = last or following
            if culprit and not joined:
                bad.append(culprit.name)
    finally:
        faidx.close()
    return bad


def _joined(faidx: Any, last: Record | None, following: Record | None) -> bool:
    """Tell whether one sequence ends, and the next begins, where the index says."""
    start = last.last_byte - 1 if last else 0
    count = following.offset - start if following else _TAIL
    if not 0 < count < _LONGEST_HEADER:
        return False
    pattern = r"[^\r\n>]" if last else ""
    if following:
        pattern += r"\r?\n" if last else ""
        pattern += rf"\s*>[^\S\n]*{re.escape(following.name)}(?:[^\S\n][^\n]*)?\n"
    else:
        pattern += r"\s*"
    return re.fullmatch(pattern, _bytes_at(faidx, start, count).decode("utf-8")) is not None


def _bytes_at(faidx: Any, start: int, count: int) -> bytes:
    """Return bytes of the (uncompressed) file, headers and line ends included."""
    if isinstance(faidx.file, io.IOBase):
        faidx.file.seek(start)
    else:
        block = faidx.gzi_index[bisect.bisect_left(faidx.gzi_index, start) - 1]
        # A virtual offset of BGZF: where the block begins in the file, and 16 bits for the place inside it.
        faidx.file.seek(block.cstart << 16 | start - block.ustart)
    return bytes(faidx.file.read(count))


def _keep_index(path: Path, index: FastaIndex) -> None:
    fai, gzi = _beside(path)
    try:
        # The .gzi first: without a .fai it is not used, should we end between the two.
        for target, content in ((gzi, index.gzi), (fai, index.fai)):
            if content:
                with atomic_path(target) as partial:
                    partial.write_bytes(content)
        logger.info("wrote the index %s", fai)
    except OutputError as error:
        logger.warning("the index of %s is made anew each time, in a temporary folder: %s", path, error)
