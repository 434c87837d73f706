"""One process at a time in a folder; the system lets go of the lock of a process that dies."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from epidyn.errors import OutputError

log = logging.getLogger("epidyn")

LOCK = ".lock"
OWNER = ".lock.owner"


@contextmanager
def alone_in(folder: str | os.PathLike[str], *, wait: bool = False) -> Iterator[None]:
    """Keep other processes out of a folder that exists, for the block.

    Parameters
    ----------
    folder
        Gets the files ``.lock`` and ``.lock.owner``, which are gone afterwards; after a kill they may stay, and
        lock nothing.
    wait
        Wait until the other process has ended, in place of raising.

    Raises
    ------
    OutputError
        If another process is in it, which is named; or the operating system refuses the writing.
    """
    folder = Path(folder)
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if not wait:
            raise OutputError(
                f"{_owner(folder)} is at work in {folder}. Wait until it has ended, or give another folder."
            ) from None
        log.info("waiting for %s, which is at work in %s", _owner(folder), folder)
        lock.acquire()
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        try:
            (folder / OWNER).write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        except OSError as error:
            raise _refused(folder, error) from error
        yield
    finally:
        with suppress(OSError):
            (folder / OWNER).unlink(missing_ok=True)
            (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def _refused(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write to {folder}: {error.strerror or error}. Free space or rights there, or write elsewhere."
    )


def _owner(folder: Path) -> str:
    try:
        return (folder / OWNER).read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
