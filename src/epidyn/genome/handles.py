"""Genomes in files that stay open: opened when first read, and anew in every process."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epidyn.errors import InputFileError
from epidyn.genome.base import Genome


def stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a file changes: its size in bytes, and its time of change in nanoseconds."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


class FileGenome(Genome):
    """A genome that reads from one file with the handle that :meth:`_open` returns.

    A handle holds a position in the file that forked processes would share, so each process opens its own; a
    pickle carries none.
    """

    def __init__(self, path: Path, sizes: Mapping[str, int], stamped: tuple[int, int]) -> None:
        super().__init__(path.name, sizes)
        self.path: Path = path.absolute()
        self._stamp = stamped
        self._handle: Any = None
        self._owner: int | None = None

    @abstractmethod
    def _open(self) -> Any:
        """Open the file and return something with a ``close`` method."""

    def handle(self) -> Any:
        """Return this process's handle, and open it if need be.

        Raises
        ------
        InputFileError
            If the file is gone, or is no longer the one that was opened first.
        """
        if self._handle is None or self._owner != os.getpid():
            try:
                changed = stamp(self.path) != self._stamp
            except OSError as error:
                raise InputFileError(f"genome {self.path} cannot be read any more: {error.strerror}.") from error
            if changed:
                raise InputFileError(f"genome {self.path} was changed after it was opened. Open it again.")
            self._handle = self._open()
            self._owner = os.getpid()
        return self._handle

    def close(self) -> None:
        """Close the file; the next :meth:`fetch` opens it again."""
        if self._handle is not None:
            self._handle.close()
        self._handle = self._owner = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None, "_owner": None}
