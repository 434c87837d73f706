"""2bit files (UCSC), read through py2bit."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from epidyn.errors import InputFileError
from epidyn.genome.codes import Codes, encode
from epidyn.genome.handles import FileGenome, stamp
from epidyn.genome.memory import check_unique

MAGIC = 0x1A412743
_NATIVE = struct.pack("=I", MAGIC)
_SWAPPED = _NATIVE[::-1]
_CURE = "Copy or download it again."


def is_twobit(head: bytes) -> bool:
    """Tell by the first four bytes, in either byte order, whether a file is 2bit."""
    return head[:4] in (_NATIVE, _SWAPPED)


class TwoBitGenome(FileGenome):
    """A genome in a 2bit file. Soft-masked (lower-case) bases are read as bases, N blocks as N.

    Raises
    ------
    InputFileError
        If the file is truncated or damaged, or of the other byte order or a later version.
    GenomeError
        If names occur twice or are empty, or a sequence is empty.
    """

    def __init__(self, path: Path) -> None:
        stamped = stamp(path)
        entries = _checked(path)
        check_unique(path, (name for name, _ in entries))
        super().__init__(path, dict(entries), stamped)
        self.handle()

    def _open(self) -> Any:
        import py2bit

        try:
            return py2bit.open(os.fspath(self.path))
        except RuntimeError as error:
            raise InputFileError(f"genome {self.path} is a 2bit file that py2bit cannot open. {_CURE}") from error

    def _read(self, chrom: str, start: int, end: int) -> Codes:
        return encode(self.handle().sequence(chrom, start, end))


def _checked(path: Path) -> list[tuple[str, int]]:
    """Return names and sizes, after a walk through all of the file's tables.

    py2bit maps the file into memory and believes every count and offset in it, so a truncated file would end
    the process with a segmentation fault.
    """
    with path.open("rb") as handle:
        if handle.read(4) == _SWAPPED:
            raise InputFileError(
                f"genome {path} is a 2bit file whose byte order is not this machine's "
                f"({sys.byteorder}-endian), which py2bit does not read. "
                "Rewrite it here with twoBitToFa and faToTwoBit."
            )
        reader = _Reader(path, handle)
        return [(name, reader.sequence(name, offset)) for name, offset in list(reader.index())]


class _Reader:
    """The tables of a 2bit file, each checked against the file's size before it is believed."""

    def __init__(self, path: Path, handle: IO[bytes]) -> None:
        self.path = path
        self.file = handle
        self.bytes = path.stat().st_size

    def take(self, count: int) -> bytes:
        data = self.file.read(count) if count <= self.bytes else b""
        if len(data) != count:
            raise InputFileError(f"genome {self.path} is a truncated or damaged 2bit file. {_CURE}")
        return data

    def number(self, kind: str = "I") -> int:
        return int(struct.unpack(f"={kind}", self.take(struct.calcsize(f"={kind}")))[0])

    def damaged(self, what: str) -> InputFileError:
        return InputFileError(f"genome {self.path} is a damaged 2bit file: {what}. {_CURE}")

    def index(self) -> Iterator[tuple[str, int]]:
        version, count, _ = self.number(), self.number(), self.number()
        if version > 1:
            raise InputFileError(f"genome {self.path} is 2bit of version {version}; versions 0 and 1 can be read.")
        for _ in range(count):
            raw = self.take(self.number("B"))
            # Version 1 is what `faToTwoBit -long` writes: offsets of 64 bits.
            offset = self.number("Q" if version else "I")
            try:
                name = raw.decode("utf-8")
            except UnicodeDecodeError:
                raise self.damaged(f"{raw!r} is no name of a sequence") from None
            if not name.isprintable():
                raise self.damaged(f"{name!r} is no name of a sequence")
            yield name, offset

    def sequence(self, name: str, offset: int) -> int:
        """Return the size of the sequence whose record begins at ``offset``."""
        if offset > self.bytes:
            raise self.damaged(f"the record of {name} lies beyond the end of the file")
        self.file.seek(offset)
        size = self.number()
        count = self.number()
        starts = np.frombuffer(self.take(4 * count), np.uint32).astype(np.int64)
        ends = starts + np.frombuffer(self.take(4 * count), np.uint32)
        # py2bit stops at the first block beyond the interval, so their order matters.
        if np.any(ends > size) or np.any(starts[1:] < ends[:-1]):
            raise self.damaged(f"the N blocks of {name} are out of order or reach beyond its {size} bases")
        masked = self.number()
        packed = self.file.tell() + 8 * masked + 4
        if packed + (size + 3) // 4 > self.bytes:
            raise InputFileError(f"genome {self.path} is a truncated 2bit file: {name} is not whole. {_CURE}")
        return size
