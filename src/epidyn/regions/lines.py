"""The lines of tab-separated annotation, and all complaints about them in one error."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from epidyn import progress
from epidyn.errors import RegionFileError
from epidyn.files import open_text
from epidyn.pairs.schema import LARGEST_NUMBER

_SKIPPED = ("#", "track ", "track\t", "browser ", "browser\t")
_REPORTED_AT = 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # a table with one of them in a name is no text to htslib


def data_lines(path: str | os.PathLike[str], what: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that holds data as its 1-based number and its cells, of a plain or gzipped file.

    Blank lines, comments (``#``) and the browser's ``track`` and ``browser`` lines are passed over. Cells are
    separated by tabs, in lines without a tab by white space.

    Raises
    ------
    InputFileError
        As :func:`epidyn.files.open_text`.
    RegionFileError
        If such a line has a control character.
    """
    with open_text(path, what) as handle, progress.bar(f"Reading {what}", None) as advance:
        for number, line in enumerate(handle, start=1):
            if number % _REPORTED_AT == 0:
                advance(0, f"{number:,} lines")
            text = line.rstrip("\r\n")
            if text.strip() and text not in ("track", "browser") and not text.startswith(_SKIPPED):
                control = _CONTROL.search(text)
                if control:
                    raise RegionFileError(
                        f"{what} {os.fspath(path)}: line {number} has the control character "
                        f"U+{ord(control.group()):04X}. Remove it."
                    )
                yield number, text.split("\t") if "\t" in text else text.split()


class Complaints:
    """What is wrong with the lines of a file, until all were looked at."""

    def __init__(self, what: str, path: str | os.PathLike[str]) -> None:
        self._source = f"{what} {os.fspath(path)}"
        self._found: list[str] = []

    def add(self, line: int, text: str) -> None:
        """Complain about the line with this 1-based number."""
        self._found.append(f"line {line}: {text}")

    def raise_if_any(self, cure: str = "Mend or remove:") -> None:
        """Raise one error with all complaints.

        Raises
        ------
        RegionFileError
            If there are any.
        """
        if self._found:
            count = f"{len(self._found):,} {'line' if len(self._found) == 1 else 'lines'}"
            raise RegionFileError(f"{self._source}: {count} cannot be used. {cure}", self._found)


def whole_number(text: str) -> int | None:
    """Return the number that plain digits write, or None for any other text."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None
    return number if number is None or number <= LARGEST_NUMBER else None
